import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmsrdl.cli import main
from mmsrdl.datasets import Observation
from tests.datasets.observation.test_published import publish

ROOT = Path(__file__).resolve().parents[3]
CSV = "path,labels,unknown\n2008_000008.jpg,bird;cat,dog\n2008_000015.jpg,cat;dog,\n"
KNOWN = [[1, 0, 0], [0, 0, 1]]  # see tests/datasets/observation


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "train.csv").write_text(CSV)
    return str(tmp_path / "train.csv")


def config(folder: Path, dataset: str) -> str:
    path = folder / "config.py"
    path.write_text(
        "inner = dict(type='mmsrdl.MultiLabelDataset', ann_file='train.csv',\n"
        f"             data_root='{folder}', data_prefix='photos',\n"
        "             metainfo=dict(classes=['bird', 'cat', 'dog']),\n"
        "             pipeline=[dict(type='LoadImageFromFile')])\n"
        f"train_dataloader = dict(dataset={dataset})\n"
        "model = dict()\n"
    )
    return str(path)


def test_table_and_file(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(Path(file).parent / "new" / "known.npz")
    assert main(["data", "observe", file, "--keep", "one_positive", "--out", out]) == 0
    text = capsys.readouterr().out
    rows = [line.replace("│", " ").split() for line in text.splitlines()]
    cells = {row[0]: row[1:] for row in rows if row}
    assert cells["cat"] == ["2", "0", "0.0%", "0", "0", "0.0%"]
    assert cells["dog"] == ["1", "1", "100.0%", "0", "0", "0.0%"]
    assert "2 of 4 positives (50.0%), 0 of 1 negatives (0.0%)" in text
    assert f"{out}: keep=one_positive, seed=1200; labels " in text
    observation = Observation.load(out)
    assert observation.known.astype(int).tolist() == KNOWN
    assert observation.images == ("2008_000008.jpg", "2008_000015.jpg")


def test_a_file_that_is_there_stays(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(Path(file).parent / "known.npz")
    command = ["data", "observe", file, "--keep", "one_positive", "--out", out]
    assert main(command) == 0
    before = Path(out).read_bytes()
    with pytest.raises(SystemExit):
        main([*command, "--seed", "1"])
    assert "known.npz exists; name another file, or give --overwrite" in capsys.readouterr().err
    assert Path(out).read_bytes() == before
    assert main([*command, "--seed", "1", "--overwrite"]) == 0
    assert Path(out).read_bytes() != before


def test_json_is_all_of_stdout(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["data", "observe", file, "--keep", "entries", "--p", "0.36", "--seed", "1200"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == {"keep": "entries", "p": 0.36, "seed": 1200}
    assert found["known_positives"] == [1, 1, 1]
    assert found["file"] is None
    assert len(found["source"]) == 64


@pytest.mark.parametrize(
    ("dataset", "images"),
    [
        ("inner", 2),
        ("dict(type='RepeatDataset', times=2, dataset=inner)", 2),
        ("dict(type='mmsrdl.ObservedDataset', keep='entries', p=1.0, dataset=inner)", 2),
        ("dict(type='mmsrdl.HeldOutSplit', part='fit', held_out=0.5, dataset=inner)", 1),
        (
            "dict(type='mmsrdl.HeldOutSplit', part='fit', held_out=0.5, dataset=dict("
            "type='mmsrdl.ObservedDataset', file='gone.npz', dataset=inner))",
            1,
        ),
        (
            "dict(type='mmsrdl.ObservedDataset', keep='entries', p=1.0, dataset=dict("
            "type='mmsrdl.HeldOutSplit', part='fit', held_out=0.5, dataset=inner))",
            1,
        ),
    ],
)
def test_a_config_s_training_set_as_it_is_before_labels_are_hidden(
    file: str, dataset: str, images: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(file).parent
    out = str(folder / "known.npz")
    command = ["data", "observe", config(folder, dataset), "--keep", "one_positive", "--out", out]
    assert main(command) == 0
    observation = Observation.load(out)
    assert len(observation.images) == images
    place = ["2008_000008.jpg", "2008_000015.jpg"].index(observation.images[0])
    assert observation.known[0].astype(int).tolist() == KNOWN[place]


def test_a_model_s_name_is_a_config(tiny_voc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["data", "observe", "an_r50_voc12", "--data-root", str(tiny_voc), "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == {"keep": "one_positive", "seed": 1200}
    assert found["num_images"] == sum(found["known_positives"]) == 3


def test_options_change_what_the_config_says(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(file).parent
    entries = "dict(type='mmsrdl.ObservedDataset', keep='entries', p=0.5, file=None, dataset=inner)"
    for options, settings in (
        (["--seed", "3"], {"keep": "entries", "seed": 3, "p": 0.5}),
        (["--p", "1"], {"keep": "entries", "seed": 1200, "p": 1.0}),
        (["--keep", "one_positive"], {"keep": "one_positive", "seed": 1200}),
    ):
        assert main(["data", "observe", config(folder, entries), *options, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["settings"] == settings


def test_the_file_goes_into_the_config(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(Path(file).parent / "known.npz")
    assert main(["data", "observe", file, "--keep", "one_positive", "--out", out]) == 0
    inner = f"dict(type='mmsrdl.ObservedDataset', file='{out}', dataset=inner)"
    capsys.readouterr()
    assert main(["data", "observe", config(Path(file).parent, inner), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["known_positives"] == [1, 0, 1]
    Path(file).write_text(CSV.replace("bird;cat,dog", "bird,dog"))
    with pytest.raises(SystemExit) as end:
        main(["data", "observe", config(Path(file).parent, inner)])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert f"error: file='{out}' does not go with MultiLabelDataset: other labels" in error


def test_published_files(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(file).parent
    (folder / "names.txt").write_text("dog\nbird\ncat\n")
    observed = np.array([[0, 0, 1], [1, -1, 0]])
    command = ["data", "observe", file, "--published", *publish(folder, observed)]
    command += ["--columns", str(folder / "names.txt"), "--out", str(folder / "known.npz")]
    assert main(command) == 0
    assert "keep=published, file=formatted_train_labels_obs.npy" in capsys.readouterr().out
    found = Observation.load(folder / "known.npz")
    assert found.known.astype(int).tolist() == [[0, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--keep must be given, one of entries, positives, one_positive; or --published"),
        (["--seed", "3"], "--keep must be given, one of entries, positives, one_positive; or"),
        (["--keep", "entries"], "keep='entries' takes p"),
        (["--columns", "voc", "--keep", "one_positive"], "--columns voc needs --published"),
        (["--published", "a.npy", "b.npy", "--seed", "3"], "leave out seed=3"),
        (["--published", "a.npy", "b.npy"], "observed='a.npy' does not exist"),
        (["--data-root", "."], "--data-root and --cfg-options are for configs"),
        (["--keep", "one_positive", "--out", "known.txt"], "--out known.txt must end in .npz"),
    ],
)
def test_mistakes(
    options: list[str], message: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", "observe", file, *options])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_mistakes_with_configs(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    two = "dict(type='ConcatDataset', datasets=[inner, inner])"
    for dataset, options, message in (
        ("inner", ["--classes", "voc"], "--classes voc: the config names the classes"),
        (two, ["--keep", "one_positive"], "trains on 2 data sets; observe each by its annotation"),
    ):
        with pytest.raises(SystemExit):
            main(["data", "observe", config(Path(file).parent, dataset), *options])
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_tool_is_the_command(file: str) -> None:
    tool = str(ROOT / "tools" / "dataset_tools" / "observe.py")
    command = [sys.executable, tool, file, "--keep", "one_positive", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert json.loads(done.stdout)["known_positives"] == [1, 0, 1], done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("action", ["check", "stats"])
def test_the_log_is_not_in_the_json(action: str, file: str) -> None:
    dataset = "dict(type='mmsrdl.ObservedDataset', keep='one_positive', dataset=inner)"
    path = config(Path(file).parent, dataset)
    command = [sys.executable, "-m", "mmsrdl", "data", action, path, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert json.loads(done.stdout), done.stderr
    assert "2 of 4 positives" in done.stderr


def test_stats_of_a_config_count_what_is_left(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = "dict(type='mmsrdl.ObservedDataset', keep='one_positive', dataset=inner)"
    path = config(Path(file).parent, dataset)
    assert main(["data", "stats", path]) == 0
    assert "unknown labels: 4 (66.7%)" in capsys.readouterr().out
