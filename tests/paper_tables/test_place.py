from pathlib import Path

import pytest

from mmsrdl.paper_tables import place_runs
from tests.paper_tables.fake_runs import make_test, make_training

SRDL, CAR = "table5/srdl_r101_voc07.py", "table5/car_r101_voc07.py"


def test_runs_stand_where_their_configs_say_and_not_their_folders(tmp_path: Path) -> None:
    make_training(tmp_path / "ssgrl", SRDL, [94.0], seed=3)
    make_training(tmp_path / "x" / "gap_coco", "table5/r101_gap_coco.py", [77.0], 40137)
    make_training(tmp_path / "demo", "demo/srdl_demo.py", [90.0])
    make_training(tmp_path / "csra", "mixin/csra_r101_voc07_oe.py", [90.0])
    runs = place_runs([tmp_path])
    assert set(runs.rows) == {("Ours", "voc07"), ("ResNet-101", "coco")}
    (run,) = runs.rows["Ours", "voc07"]
    assert (run.folder, run.seed, run.figures["mAP"]) == (tmp_path / "ssgrl", 3, 94.0)
    assert "neither MS-COCO's nor" in runs.left_out[tmp_path / "demo"]
    assert "no figures of mmsrdl.MultiLabelMetric" in runs.left_out[tmp_path / "csra"]


def test_the_newest_test_counts_before_a_validation(tmp_path: Path) -> None:
    make_training(tmp_path, SRDL, [90.0], 500, val_dataloader__dataset__ann_file="tune.txt")
    make_test(tmp_path, SRDL, 93.0, "epoch_1.pth", stamp="20260102_000000")
    make_test(tmp_path, SRDL, 94.0, "epoch_1.pth", stamp="20260103_000000")
    options = {"test_dataloader__dataset__ann_file": "tune.txt"}
    make_test(tmp_path, SRDL, 91.0, "epoch_1.pth", 500, stamp="20260104_000000", **options)
    (run,) = place_runs([tmp_path]).rows["Ours", "voc07"]
    # That of the test images, although the tuning images were evaluated later.
    assert (run.figures["mAP"], run.conditions.images) == (94.0, 4952)


def test_seeds_share_a_row(tmp_path: Path) -> None:
    for seed in range(3):
        make_training(tmp_path / str(seed), SRDL, [94.0 + seed], seed=seed)
    runs = place_runs([tmp_path, tmp_path / "1"]).rows["Ours", "voc07"]
    assert [run.seed for run in runs] == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": 1000}, "images 4952 and 1000"),
        ({"val_dataloader__dataset__split": "val"}, "test test and val"),
        ({"train_cfg__max_epochs": 4}, "length 1 epochs and epoch 1 of 4"),
        (
            {"model__head__attention__weights": [1, 0]},
            r"settings none and attention.weights=\(1, 0",
        ),
    ],
)
def test_runs_of_different_kinds_share_no_row(options: dict, message: str, tmp_path: Path) -> None:
    make_training(tmp_path / "a", CAR, [94.0])
    make_training(tmp_path / "b", CAR, [94.0], **options)
    with pytest.raises(ValueError, match=rf"row 'Ours CAR' for VOC 2007 .*a' and .*b'.*{message}"):
        place_runs([tmp_path])
    rows = [("Ours CAR", str(tmp_path / "a"))]
    runs = place_runs([tmp_path], rows)
    assert [run.folder.name for run in runs.rows["Ours CAR", "voc07"]] == ["a"]
    assert runs.left_out == {tmp_path / "b": "--row says which runs are Ours CAR"}


def test_rows_by_hand(tmp_path: Path) -> None:
    make_training(tmp_path / "car", CAR, [91.0])
    make_training(tmp_path / "srdl", SRDL, [92.0], default_hooks__oe__topk=2)
    make_training(tmp_path / "found" / "3", SRDL, [93.0])
    make_training(tmp_path / "found" / "8", SRDL, [94.0], default_hooks__oe__topk=8)
    names = [("SSGRL", "car"), ("GCN-MS-SGA", "car"), ("Ours", "srdl")]
    rows = [(row, str(tmp_path / folder)) for row, folder in names]
    runs = place_runs([tmp_path / "found"], rows)
    settings = {row: found[0].conditions.settings for (row, _), found in runs.rows.items()}
    assert settings == {
        "SSGRL": ("placed by hand",),
        "GCN-MS-SGA": ("placed by hand",),
        "Ours": ("oe.topk=2",),
    }
    assert list(runs.sweeps["topk", "voc07"]) == [8]
    assert list(runs.left_out) == [tmp_path / "found" / "3"]
    (run,) = place_runs([], [("Ours", str(tmp_path / "car"))]).rows["Ours", "voc07"]
    assert run.conditions.settings == ("placed by hand",)


def test_rows_by_hand_are_checked(tmp_path: Path) -> None:
    make_training(tmp_path, "demo/srdl_demo.py", [90.0])
    with pytest.raises(ValueError, match="'Mine' is none of the rows: ResNet-101, SD, SAM, Ours"):
        place_runs([], [("Mine", str(tmp_path))])
    with pytest.raises(ValueError, match=r"--row 'Ours': .* has no figure for it: its images"):
        place_runs([], [("Ours", str(tmp_path))])
    with pytest.raises(ValueError, match="work_dirs is empty"):
        place_runs([])


def test_other_settings_of_erasing_are_figure_6_and_no_row(tmp_path: Path) -> None:
    for topk, alpha in ((3, 0.5), (1, 0.5), (3, 0.9), (1, 0.9)):
        make_training(
            tmp_path / f"{topk}-{alpha}", SRDL, [90.0 + topk - alpha],
            default_hooks__oe__topk=topk, default_hooks__oe__alpha=alpha,
        )  # fmt: skip
    runs = place_runs([tmp_path])
    assert [run.folder.name for run in runs.rows["Ours", "voc07"]] == ["3-0.5"]
    values = {
        key: {value: found[0].figures["mAP"] for value, found in sorted(points.items())}
        for key, points in runs.sweeps.items()
    }
    assert values == {
        ("topk", "voc07"): {1: 90.5, 3: 92.5},
        ("alpha", "voc07"): {0.5: 92.5, 0.9: 92.1},
    }
    assert "neither topk nor alpha" in runs.left_out[tmp_path / "1-0.9"]
