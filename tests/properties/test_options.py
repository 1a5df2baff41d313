"""Options of the command line: what is written is read, and mistakes are said in a line."""

import argparse
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config, DictAction

from mmsrdl.apis import load_config
from mmsrdl.cli.common import KeyValues, read_value
from tests.properties.strategies import error_of

PLAIN = "abcxyzEN019_./:+-éÜ犬"
WORDS = st.one_of(
    st.text(PLAIN, min_size=1, max_size=6),
    st.sampled_from(["true", "False", "None", "nan", "1e3", "1_000", "-5", "a.pth", "mmsrdl.OE"]),
)
SPACED = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)


def lists(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Values as they are typed: words, and lists and tuples in brackets."""

    def enclosed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        items = st.lists(inner, max_size=3).map(",".join)
        return st.one_of(items.map("[{}]".format), items.map("({})".format))

    return st.recursive(words, enclosed, max_leaves=6)


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # of which NaN equals itself, and 1 is not True


@given(text=lists(WORDS))
def test_values_are_read_as_mmengine_reads_them(text: str) -> None:
    assert same(read_value(text), DictAction._parse_iterable(text))


@given(value=st.recursive(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), SPACED.map(read_value)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=6,
))  # fmt: skip
def test_values_come_back(value: Any) -> None:
    assert same(read_value(typed(value)), value)


def typed(value: Any) -> str:
    if isinstance(value, list | tuple):
        start, end = "[]" if isinstance(value, list) else "()"
        return f"{start}{', '.join(map(typed, value))}{end}"
    return str(value)


@given(words=st.lists(SPACED, min_size=1, max_size=4))
def test_blanks_in_values_stay(words: list[str]) -> None:
    path = "/my photos/" + words[0]
    assert read_value(path) == path
    assert read_value(f" '{path}' ") == path
    listed = read_value(",".join(f"/my photos/{word}" for word in words) + ",")
    assert listed == [f"/my photos/{word}" for word in words]


def parse(options: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg-options", nargs="+", action=KeyValues)
    return parser.parse_args(["--cfg-options", *options]).cfg_options


TYPED = st.text("ab=,()[]'\" .05-犬\0", min_size=1, max_size=12)


@given(options=st.lists(TYPED.filter(lambda text: text[0] != "-"), min_size=1, max_size=3))
def test_any_words_are_read_or_refused_in_a_line(options: list[str]) -> None:
    stop = error_of(lambda: parse(options), SystemExit)
    if stop is not None:
        assert stop.code == 2
        return
    assert set(parse(options)) == {option.partition("=")[0] for option in options}


@pytest.mark.parametrize("text", ["[" * 5000, "[" * 5000 + "]" * 5000, "(1,2", "[1)", "1,2]"])
def test_brackets_that_do_not_match(text: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        parse([f"a={text}"])
    assert "--cfg-options a=" in capsys.readouterr().err


CONFIG = """
model = dict(type="ImageClassifier", head=dict(type="mmsrdl.CARHead", sizes=[1, 2]), neck=None)
train_dataloader = dict(batch_size=2, dataset=dict(type="A", pipeline=[dict(type="B"), "c"]))
val_dataloader = test_dataloader = train_dataloader
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=0.1))
train_cfg = dict(max_epochs=1)
"""
PARTS = st.sampled_from(
    ["model", "head", "sizes", "neck", "train_dataloader", "dataset", "pipeline", "0", "1", "9",
     "-1", "²", "type", "_delete_", "items", "optim_wrapper", "optimizer", "visualizer", "x", "",
     "val_dataloader", "randomness", "train_cfg", "work_dir", "load_from"]
)  # fmt: skip
KEYS = st.lists(PARTS, min_size=1, max_size=4).map(".".join)


@given(
    options=st.dictionaries(KEYS, lists(WORDS).map(read_value), min_size=1, max_size=3),
    seed=st.one_of(st.none(), st.integers(0, 9)),
    tensorboard=st.booleans(),
)
def test_options_are_applied_or_refused(
    options: dict[str, Any], seed: int | None, tensorboard: bool, tmp_path_factory
) -> None:
    path = tmp_path_factory.getbasetemp() / "config.py"
    path.write_text(CONFIG)
    given = dict(seed=seed, tensorboard=tensorboard, cfg_options=options)
    error = error_of(lambda: load_config(str(path), **given), ValueError)
    if error is not None:
        assert "--cfg-options" in str(error)
        return
    cfg = load_config(str(path), **given)
    untouched = Config.fromfile(str(path))
    for name in untouched.keys() - {key.split(".")[0] for key in options} - {"visualizer"}:
        loader = name.endswith("_dataloader")
        found = {k: v for k, v in cfg[name].items() if not (loader and k == "pin_memory")}
        assert found == untouched[name]


SETTINGS = {
    "model.head.type": WORDS,
    "train_dataloader.batch_size": st.integers(),
    "train_dataloader.dataset.pipeline.0.type": SPACED,
    "optim_wrapper.optimizer.lr": st.floats(allow_nan=False),
    "model.head.new.field": st.booleans(),
}


@given(options=st.fixed_dictionaries({}, optional=SETTINGS))
def test_every_setting_arrives(options: dict[str, Any], tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "config.py"
    path.write_text(CONFIG)
    words = [f"{key}={typed(value)}" for key, value in options.items()]
    cfg = load_config(str(path), cfg_options=parse(words) if words else None)
    for key, value in options.items():
        wanted = read_value(value) if isinstance(value, str) else value
        found: Any = cfg
        for part in key.split("."):
            found = found[int(part) if part.isdigit() else part]
        assert same(found, wanted)
    assert Path(cfg.work_dir) == Path("work_dirs/config")
