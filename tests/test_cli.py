"""The answers of ``mmsrdl`` to what a user gets wrong; tests/apis/test_run.py runs its commands."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mmsrdl import cli
from mmsrdl.cli import COMMANDS, main
from mmsrdl.cli.common import make_parser


@pytest.mark.parametrize("command", ["train", "test"])
def test_mistakes_end_without_a_traceback(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ["a.pth"] if command == "test" else []
    for arguments, message in (
        (["srdl_r101_vox07", *rest], "config='srdl_r101_vox07' does not exist"),
        (["srdl_r101_voc07", *rest, "--data-root", "nowhere"], "--data-root nowhere: no such"),
    ):
        with pytest.raises(SystemExit) as end:
            main([command, *arguments])
        assert end.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith(f"mmsrdl {command}: error: {message}")
        assert len(error.splitlines()) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: mmsrdl {command}" in text
    assert text.count(f"  mmsrdl {command} ") >= 2


def test_help_of_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for command, what in COMMANDS.items():
        assert f"  {command}" in text
        assert what in text


def test_help_says_what_a_config_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "mmsrdl::table5/car_r101_coco.py" in capsys.readouterr().out


def command_that(fails: str) -> ModuleType:
    """A command of mmsrdl's whose run executes a statement."""
    module = ModuleType("mmsrdl.cli.fails")
    exec(f"import torch\ndef run(args):\n    {fails}", module.__dict__)
    module.make_parser = lambda prog: make_parser(prog, None, "")  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("torch.zeros(2) @ torch.zeros(3)", RuntimeError),  # not raised by mmsrdl
        ("int('a')", ValueError),
        ("raise KeyError('a')", KeyError),
    ],
)
def test_errors_that_are_no_mistakes_keep_their_traceback(
    statement: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = command_that(statement)
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: module)
    with pytest.raises(kind):
        main(["train"])


def test_mistakes_and_interruption_have_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for statement in ("raise ValueError('thr=2')", "raise KeyboardInterrupt", "return 1", "pass"):
        module = command_that(statement)
        monkeypatch.setattr(cli.importlib, "import_module", lambda name, module=module: module)
        if "thr" in statement:
            with pytest.raises(SystemExit) as end:
                main(["train"])
            assert end.value.code == 2
            assert capsys.readouterr().err == "mmsrdl train: error: thr=2\n"
            with pytest.raises(ValueError, match="thr=2"):
                main(["--debug", "train"])
        else:
            expected = {"raise KeyboardInterrupt": 130, "return 1": 1, "pass": 0}[statement]
            assert main(["train"]) == expected


def test_interruption_of_an_import(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.importlib, "import_module", interrupt)
    assert main(["train"]) == 130
    assert capsys.readouterr().err == "mmsrdl train: interrupted\n"


def test_what_packages_print_on_import_leaves_stdout_to_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loud_package.py").write_text("print('Could not import it')")
    monkeypatch.syspath_prepend(tmp_path)
    assert cli.load_command("loud_package").__name__ == "loud_package"
    out, err = capsys.readouterr()
    assert (out, err) == ("", "")


def test_every_command_is_a_module() -> None:
    for command in COMMANDS:
        module = importlib.import_module(f"mmsrdl.cli.{command}")
        assert callable(module.make_parser)
        assert callable(module.run)


def test_nothing_but_the_answer_is_on_stdout() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "mmsrdl", "train", "--help"], capture_output=True, text=True
    )
    assert result.stdout.startswith("usage: mmsrdl train")


def test_a_reader_that_went_away_is_no_error() -> None:
    command = f"{sys.executable} -m mmsrdl doctor | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == ""
