import json
import shutil
import time
from copy import deepcopy
from pathlib import Path

import pytest

from mmsrdl.apis.run import test as run_test
from mmsrdl.apis.run import train
from mmsrdl.paper_tables.run_folder import find_run_folders
from tests.paper_tables.fake_runs import make_test, make_training
from tests.small_run import BY_EPOCH, EPOCHS, make_config

LEAF = "table5/car_r101_voc07.py"


def test_the_last_epoch_counts_and_not_the_best(tmp_path: Path) -> None:
    make_training(tmp_path / "car", LEAF, [50.0, 60.0, 55.0], images=4952)
    (folder,) = find_run_folders([tmp_path])
    (evaluation,) = folder.evaluations
    assert (evaluation.figures["mAP"], evaluation.figures["OF1"]) == (55.0, 49.0)
    assert (evaluation.step, evaluation.loader, evaluation.images) == (3, "val", 4952)
    assert folder.training is not None
    assert folder.folder == tmp_path / "car"


def test_what_a_real_training_and_test_leave(seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.default_hooks.pop("logger")
    cfg.log_level = "INFO"
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.test_cfg = {}
    train(deepcopy(cfg))
    time.sleep(1)  # MMEngine's folders have names of whole seconds
    cfg.experiment_name = "a test"
    figures = run_test(cfg, str(tmp_path / "epoch_3.pth"))
    (folder,) = find_run_folders([tmp_path])
    validated, tested = folder.evaluations
    assert (validated.step, validated.images, tested.step, tested.images) == (3, 7, None, 7)
    assert {f"mlr/{name}": value for name, value in tested.figures.items()} == pytest.approx(
        figures
    )
    assert validated.figures["mAP"] == pytest.approx(figures["mlr/mAP"])


def test_a_test_below_belongs_to_the_training_above(tmp_path: Path) -> None:
    make_training(tmp_path / "a" / "car", LEAF, [50.0])
    make_test(tmp_path / "a" / "car" / "test", LEAF, 51.0, "epoch_1.pth")
    make_training(tmp_path / "a" / "car" / "further", LEAF, [52.0])
    make_test(tmp_path / "alone", LEAF, 53.0, "model.pth")
    folders = find_run_folders([tmp_path / "a", tmp_path])
    values = {
        folder.folder.name: [each.figures["mAP"] for each in folder.evaluations]
        for folder in folders
    }
    assert values == {"car": [50.0, 51.0], "further": [52.0], "alone": [53.0]}
    assert [folder.training is None for folder in folders] == [False, False, True]


def test_a_resumed_training_goes_on(tmp_path: Path) -> None:
    make_training(tmp_path, LEAF, [50.0], stamp="20260101_000000")
    make_training(tmp_path, LEAF, [50.0, 55.0], stamp="20260101_100000")
    (folder,) = find_run_folders([tmp_path])
    assert [each.figures["mAP"] for each in folder.evaluations] == [50.0, 55.0]


def test_of_several_protocols_the_first_counts_its_images(tmp_path: Path) -> None:
    make_training(tmp_path, LEAF, [50.0])
    (log,) = tmp_path.glob("*/*.log")
    line = "- INFO - mlr: protocol {}: raw AP, mean over 20 of 20 classes; {} images, 5 dropped\n"
    log.write_text(line.format("paper", 4952) + line.format("ssgrl", 4900))
    (folder,) = find_run_folders([tmp_path])
    assert folder.evaluations[0].images == 4952
    log.unlink()
    (folder,) = find_run_folders([tmp_path])
    assert folder.evaluations[0].images is None


def test_without_our_metric_or_any_validation_there_are_no_figures(tmp_path: Path) -> None:
    make_training(tmp_path / "new", LEAF, [], train_cfg__max_epochs=3)
    make_training(tmp_path / "other", "mixin/csra_r101_voc07_oe.py", [50.0])
    assert [folder.evaluations for folder in find_run_folders([tmp_path])] == [(), ()]


@pytest.mark.parametrize(
    ("torn", "number"), [('{"mlr/mAP": 5', 3), ("[1, 2]", 3), ("null", 3), ("\0\0", 3)]
)
def test_a_damaged_log_is_named_with_its_line(torn: str, number: int, tmp_path: Path) -> None:
    make_training(tmp_path, LEAF, [50.0])
    (file,) = tmp_path.glob("*/vis_data/scalars.json")
    file.write_text(file.read_text() + torn)
    with pytest.raises(ValueError, match=rf"scalars.json', line {number}, is no JSON object"):
        find_run_folders([tmp_path])


def test_a_figure_that_is_no_number_is_named(tmp_path: Path) -> None:
    make_training(tmp_path, LEAF, [50.0])
    (file,) = tmp_path.glob("*/vis_data/scalars.json")
    file.write_text(json.dumps({"mlr/mAP": "high", "step": 1}))
    with pytest.raises(ValueError, match=r"scalars.json' has mlr/mAP='high', which is no number"):
        find_run_folders([tmp_path])


def test_a_damaged_config_is_named(tmp_path: Path) -> None:
    make_training(tmp_path, LEAF, [50.0])
    (file,) = tmp_path.glob("*/vis_data/config.py")
    file.write_text(file.read_text()[:300])
    with pytest.raises(ValueError, match=r"config.py' cannot be read as a config \(SyntaxError"):
        find_run_folders([tmp_path])


def test_folders_without_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none' is no folder"):
        find_run_folders([tmp_path / "none"])
    with pytest.raises(FileNotFoundError, match=r"holds no run. .*vis_data/config.py"):
        find_run_folders([tmp_path])
    make_training(tmp_path / "car", LEAF, [50.0])
    (run,) = (tmp_path / "car").iterdir()
    shutil.move(run, tmp_path / "renamed")
    with pytest.raises(FileNotFoundError, match="holds no run"):
        find_run_folders([tmp_path])
