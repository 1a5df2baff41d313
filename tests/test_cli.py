"""The commands' answers to what a user gets wrong; tests/apis/test_run.py runs them."""

import importlib

import pytest


@pytest.mark.parametrize("command", ["train", "test"])
def test_mistakes_end_without_a_traceback(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = importlib.import_module(f"mmsrdl.{command}").main
    rest = ["a.pth"] if command == "test" else []
    for arguments, message in (
        (["srdl_r101_vox07", *rest], "config='srdl_r101_vox07' does not exist"),
        (["srdl_r101_voc07", *rest, "--data-root", "nowhere"], "--data-root nowhere: no such"),
    ):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith(f"python -m mmsrdl.{command}: error: {message}")
        assert len(error.splitlines()) == 1


@pytest.mark.parametrize("command", ["train", "test"])
def test_help_has_examples_and_says_what_a_config_is(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main = importlib.import_module(f"mmsrdl.{command}").main
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: python -m mmsrdl.{command}" in text
    assert text.count(f"  python -m mmsrdl.{command} ") >= 2
    assert "mmsrdl::table5/car_r101_coco.py" in text
