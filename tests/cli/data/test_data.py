"""The dispatch of ``mmsrdl data`` and what its actions have in common."""

import importlib
import sys
from types import ModuleType

import pytest

from mmsrdl.cli import common, data, main
from mmsrdl.cli.data import ACTIONS


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_help_with_examples(
    action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", action, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: mmsrdl data {action}" in text
    assert text.count(f"  mmsrdl data {action} ") >= 2
    assert callable(importlib.import_module(f"mmsrdl.cli.data.{action}").run)


def test_help_lists_the_actions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for action, what in ACTIONS.items():
        assert f"  {action}" in text
        assert what in text


def test_mistakes_and_exit_codes_are_the_actions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("mmsrdl.cli.data.fails")
    exec("def run(args):\n  if args.bad: raise ValueError('bad')\n  return 1", vars(module))

    def make_parser(prog: str) -> object:
        parser = common.make_parser(prog, None, "")
        parser.add_argument("--bad", action="store_true")
        return parser

    module.make_parser = make_parser  # type: ignore[attr-defined]
    action = next(iter(ACTIONS))
    monkeypatch.setitem(sys.modules, f"{data.__name__}.{action}", module)
    assert main(["data", action]) == 1
    for arguments, message in (([action, "--bad"], "bad"), ([action, "--worse"], "unrecognized")):
        with pytest.raises(SystemExit) as end:
            main(["data", *arguments])
        assert end.value.code == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith(f"mmsrdl data {action}: error: ")
        assert message in error


def test_an_action_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", "chekc"])
    assert end.value.code == 2
    assert "mmsrdl data: error: argument ACTION: invalid choice: 'chekc'" in capsys.readouterr().err
