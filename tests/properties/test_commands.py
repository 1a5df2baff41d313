"""Commands end with an exit code and a line, whatever words and files they are given."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmsrdl.cli import COMMANDS, load_command, main
from mmsrdl.evaluation import ScoresFile
from tests.properties.strategies import error_of
from tests.properties.test_annotation_files import BYTES, SOUND_XML, damaged

ACTIONS = ("check", "convert", "init", "nuswide", "observe", "split", "stats", "vectors")
WORDS = st.one_of(
    st.sampled_from(
        ["--json", "--out", "--seed", "1", "--help", "--images", "--classes", "--parts", "a=0.5",
         "--cfg-options", "a.b=1", "=", "--set", "val", "--thr", "nan", "-1", "--", "-", "--nope",
         "--topk", "--launcher", "none", "--resume", "", "x.csv", "--protocol", "paper"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)  # fmt: skip


def run(*words: str) -> tuple[int, str]:
    """Exit code of a command line, and what it said on stderr."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(words)
    except SystemExit as stop:
        code = stop.code
    return code, err.getvalue()


@pytest.mark.parametrize("command", [*COMMANDS, *(f"data {action}" for action in ACTIONS)])
@given(words=st.lists(WORDS, max_size=5))
def test_words_are_read_or_refused(command: str, words: list[str]) -> None:
    name, _, action = command.partition(" ")
    parser = load_command(f"mmsrdl.cli.{name}").make_parser(f"mmsrdl {name}")
    err = io.StringIO()
    with redirect_stderr(err), redirect_stdout(io.StringIO()):
        arguments = [*([action] if action else []), *words]
        stop = error_of(lambda: parser.parse_args(arguments), SystemExit)
    if stop is not None:
        assert stop.code == (2 if err.getvalue() else 0)
        assert not err.getvalue() or ": error: " in err.getvalue()


def write_damaged(draw: st.DrawFn, folder: Path, format: str) -> str:
    """An annotation file that is sound, or damaged."""
    file = {"csv": "a.csv", "jsonl": "a.jsonl", "voc": "VOC/ImageSets/Main/a.txt"}
    path = folder / file.get(format, "a.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    is_sound = draw(st.integers(0, 2)) == 0
    path.write_bytes(BYTES[format] if is_sound else draw(damaged(BYTES[format])))
    if format == "voc":
        (folder / "VOC" / "Annotations").mkdir(exist_ok=True)
        for name in "12":
            xml = draw(damaged(SOUND_XML)) if draw(st.booleans()) else SOUND_XML
            (folder / "VOC" / "Annotations" / f"{name}.xml").write_bytes(xml)
    return str(path)


FORMATS = st.sampled_from(sorted(BYTES))
SHARE = st.one_of(st.sampled_from(["0.5", "0.25", "nan", "1e-9", "-1"]), st.floats(0, 1).map(str))
PART = st.builds("{}={}".format, st.sampled_from(["train", "val", "te st", "", "a/b", ".."]), SHARE)


@st.composite
def lines(draw: st.DrawFn, folder: Path) -> list[str]:
    """A command line of ``mmsrdl data`` on a file that may be damaged."""
    file = write_damaged(draw, folder, draw(FORMATS))
    action = draw(st.sampled_from(["convert", "split", "stats", "observe", "check"]))
    if action == "convert":
        to = draw(st.sampled_from(["csv", "jsonl", "openmmlab", "coco", "voc"]))
        ending = {"csv": "csv", "jsonl": "jsonl", "voc": "d"}.get(to, "json")
        words = [file, str(folder / f"out.{ending}"), "--to", to, "--overwrite"]
    elif action == "split":
        sound = st.just(["train=0.5", "val=0.5"])
        parts = draw(st.one_of(sound, st.lists(PART, min_size=1, max_size=3)))
        seed = draw(st.sampled_from([[], ["--seed", "3"], ["--seed", "-2"]]))
        group = draw(st.sampled_from([[], [], ["--group-by", "^."], ["--group-by", "("]]))
        words = [file, "--parts", *parts, *seed, *group]
        words += ["--out-dir", str(folder / "parts"), "--overwrite", "--json"]
    elif action == "stats":
        words = [file, *draw(st.sampled_from([[], ["--json"]]))]
    elif action == "observe":
        keep = draw(st.sampled_from(["entries", "positives", "one_positive"]))
        numbers = st.sampled_from([[], ["--p", "0.5"], ["--p", "2"], ["--n", "1"], ["--n", "0"]])
        words = [file, "--keep", keep, *draw(numbers), *draw(st.sampled_from([[], ["--json"]]))]
    else:
        words = ["--train", file, *draw(st.sampled_from([[], ["--json"]])), "--workers", "1"]
    return ["data", action, *words]


def check_end(code: int, err: str, words: list[str]) -> None:
    assert code in (0, 1, 2), words
    assert "Traceback" not in err
    if code == 2:
        assert ": error: " in err


@given(data=st.data())
def test_commands_on_damaged_annotations(data: st.DataObject, tmp_path_factory) -> None:
    folder = tmp_path_factory.getbasetemp() / "commands"
    words = data.draw(lines(folder))
    check_end(*run(*words), words)


@given(data=st.data())
def test_commands_on_damaged_scores(data: st.DataObject, tmp_path_factory) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "scores.npz"
    labels = torch.tensor([[1, 0], [0, -1], [1, 1], [0, 0]])
    scores = torch.arange(8).view(4, 2) / 8
    ScoresFile(("cat", "dog"), scores, labels.to(torch.int8), torch.arange(4)).save(path)
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(damaged(path.read_bytes())))
    else:
        random = np.random.default_rng(data.draw(st.integers(0, 99)))
        labels = torch.from_numpy(random.integers(-1, 2, (4, 2)).astype(np.int8))
        ScoresFile(("cat", "dog"), scores, labels, torch.arange(4)).save(path)
    protocol = ["--protocol", data.draw(st.sampled_from(["paper", "mlgcn", "nope", "ssgrl"]))]
    topk = ["--topk", data.draw(st.sampled_from(["1", "2", "3", "0", "x"]))]
    words = data.draw(
        st.sampled_from(
            [
                ["evaluate", str(path), *protocol],
                ["evaluate", str(path), *protocol, *topk],
                ["thresholds", str(path), "--out", str(folder / "thresholds.json")],
            ]
        )
    )
    check_end(*run(*words), words)


@given(name=st.sampled_from(["stats", "split"]), data=st.data())
def test_json_on_stdout_is_one_document(name: str, data: st.DataObject, tmp_path_factory) -> None:
    folder = tmp_path_factory.getbasetemp() / "json"
    format = data.draw(FORMATS)
    path = write_damaged(data.draw, folder, format)
    parts = ["--parts", "train=0.5", "val=0.5", "--out-dir", str(folder), "--overwrite"]
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        try:
            code = main(["data", name, path, "--json", *(parts if name == "split" else [])])
        except SystemExit as stop:
            code = stop.code
    if code == 0:
        assert isinstance(json.loads(out.getvalue()), dict)
    else:
        assert not out.getvalue()
