from pathlib import Path
from typing import Any

import pytest

from mmsrdl.paper_tables.conditions import Conditions, data_of, read_conditions
from mmsrdl.paper_tables.run_folder import find_run_folders
from tests.paper_tables.fake_runs import make_test, make_training

VOC, COCO = "table5/car_r101_voc07.py", "table5/car_r101_coco.py"


def conditions_of(folder: Path) -> Conditions:
    (found,) = find_run_folders([folder])
    evaluation = found.evaluations[-1]
    data = data_of(evaluation)
    assert data is not None
    return read_conditions(evaluation, found.training, data, ())


@pytest.mark.parametrize(
    ("config", "images", "text"),
    [
        (VOC, 4952, "4,952 images of test, trained on trainval, protocol paper, 2 epochs"),
        (
            COCO, 40137,
            "40,137 images of instances_val2014, trained on instances_train2014, protocol paper, "
            "2 epochs",
        ),
    ],
)  # fmt: skip
def test_the_papers_conditions(config: str, images: int, text: str, tmp_path: Path) -> None:
    conditions = conditions_of(make_training(tmp_path, config, [1.0, 2.0], images))
    assert conditions.is_papers
    assert conditions.describe() == f"ResNet-101, 448 px, {text}"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"images": 1000}, "448 px, 1,000 images of test,"),
        ({"val_dataloader__dataset__split": "val"}, "4,952 images of val,"),
        ({"val_dataloader__dataset__ann_file": "/x/tune.txt"}, "images of test tune,"),
        ({"val_dataloader__dataset__difficult": "negative"}, "of test difficult='negative',"),
        ({"train_dataloader__dataset__indices": 10}, "trained on trainval indices=10,"),
        ({"val_evaluator__ap": "interpolated"}, "protocol paper ap='interpolated',"),
        ({"val_evaluator__protocol": "mcar"}, "protocol mcar,"),
        ({"val_evaluator__protocol": ["ssgrl", "paper"]}, "protocol ssgrl,"),
        ({"train_cfg__max_epochs": 20}, "epoch 2 of 20"),
        ({"model__backbone__depth": 50}, "ResNet-50, 448 px"),
    ],
)
def test_every_other_condition_is_seen_and_named(
    options: dict[str, Any], text: str, tmp_path: Path
) -> None:
    conditions = conditions_of(make_training(tmp_path, VOC, [1.0, 2.0], **options))
    assert not conditions.is_papers
    assert text in conditions.label()
    assert conditions.label().startswith("not the paper's conditions: ")


def test_hidden_labels_and_held_out_images_are_named(tmp_path: Path) -> None:
    config = "partial_labels/srdl_partial_r101_voc07.py"
    conditions = conditions_of(make_training(tmp_path / "a", config, [1.0]))
    assert not conditions.is_papers
    assert conditions.train == "trainval keep='entries' p=0.1"
    conditions = conditions_of(make_training(tmp_path / "b", "single_positive/an_r50_coco.py", [1]))
    chosen = "part='fit' held_out=0.2"
    assert conditions.train == f"instances_train2014 keep='one_positive' {chosen}"
    assert conditions.test == "instances_train2014 part='held_out' held_out=0.2"


def test_backbones_and_sizes_have_names(tmp_path: Path) -> None:
    make_training(tmp_path / "a", "lite0/srdl_lite0_voc07.py", [1.0])
    assert conditions_of(tmp_path / "a").describe().startswith("tf_efficientnet_lite0, 192 px, ")
    make_training(tmp_path / "b", "tokens/srdl_swin_t_coco.py", [1.0])
    assert conditions_of(tmp_path / "b").backbone == "SwinTransformer tiny"
    pipeline = [{"type": "ResizeEdge", "scale": 640}, {"type": "CenterCrop", "crop_size": 576}]
    make_training(tmp_path / "c", VOC, [1.0], val_dataloader__dataset__pipeline=pipeline)
    assert conditions_of(tmp_path / "c").size == "576"


@pytest.mark.parametrize(
    ("checkpoint", "length", "is_papers"),
    [
        ("x/epoch_2.pth", "2 epochs", True),
        ("x/epoch_1.pth", "epoch 1 of 2", False),
        ("x/best_mlr_mAP_epoch_2.pth", "checkpoint best_mlr_mAP_epoch_2.pth of 2 epochs", False),
    ],
)
def test_a_tested_checkpoint_that_is_not_the_last_is_named(
    checkpoint: str, length: str, is_papers: bool, tmp_path: Path
) -> None:
    make_training(tmp_path, VOC, [1.0, 2.0])
    conditions = conditions_of(make_test(tmp_path, VOC, 3.0, checkpoint))
    assert (conditions.length, conditions.is_papers) == (length, is_papers)


def test_a_published_checkpoint_has_no_known_training(tmp_path: Path) -> None:
    conditions = conditions_of(make_test(tmp_path, VOC, 3.0, "x/srdl.pth"))
    assert "trained on" not in conditions.describe()
    assert conditions.describe().endswith("protocol paper, checkpoint srdl.pth")


@pytest.mark.parametrize(
    ("config", "options", "data"),
    [
        (VOC, {}, "voc07"),
        (VOC, {"val_dataloader__dataset__data_root": "data/VOCdevkit/VOC2012"}, None),
        (COCO, {}, "coco"),
        ("demo/srdl_demo.py", {}, None),
    ],
)
def test_data_sets(config: str, options: dict, data: str | None, tmp_path: Path) -> None:
    (found,) = find_run_folders([make_training(tmp_path, config, [1.0], **options)])
    assert data_of(found.evaluations[0]) == data


def test_frozen_maps_are_named(tmp_path: Path) -> None:
    dataset = {
        "_delete_": True, "type": "mmsrdl.FeatureMapDataset", "data_root": "data/maps/voc07/",
        "ann_file": "val.npz", "pipeline": [{"type": "PackInputs"}],
    }  # fmt: skip
    make_training(
        tmp_path, "lite0/gmp_lite0_voc07.py", [1.0], 1000,
        model__backbone={"_delete_": True, "type": "mmsrdl.CachedMaps"},
        val_dataloader__dataset=dataset,
    )  # fmt: skip
    conditions = conditions_of(tmp_path)
    assert "frozen maps, unknown size, 1,000 images of val," in conditions.label()
    assert not conditions.is_papers
