import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmsrdl.apis import train
from mmsrdl.datasets import CocoMultiLabel, VOCMultiLabel
from mmsrdl.datasets.class_names import first_difference
from mmsrdl.engine.hooks.data_guard_hook import _check_metrics, num_outputs
from mmsrdl.evaluation import MultiLabelMetric
from tests.small_run import BY_EPOCH, CLASSES, EPOCHS, make_config

FROM_VOC = ["mlgcn", "ssgrl"]


def test_head_of_another_size(seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.model.neck = dict(type="GlobalAveragePooling")
    cfg.model.head = dict(type="MultiLabelLinearClsHead", num_classes=5, in_channels=8)
    cfg.default_hooks.pop("oe")
    message = r"model.head has 5 outputs but train_dataloader has 3 classes; set .*num_classes=3"
    with pytest.raises(ValueError, match=message):
        train(cfg)


@pytest.mark.parametrize(
    ("classes", "difference"),
    [
        (["boat", "dog", "car"], "class 1 is 'dog' against 'car'"),
        (["boat", "car", "dog", "cat"], "4 against 3 classes"),
    ],
)
def test_embeddings_of_other_classes(
    classes: list[str], difference: str, seven: Path, tmp_path: Path
) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.model.head.update(num_classes=len(classes))
    cfg.model.head.embedder.classes = classes
    message = rf"embedder.classes are not the classes of train_dataloader: {difference}; give the"
    with pytest.raises(ValueError, match=message):
        train(cfg)


def test_a_relation_of_other_classes(seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.model.head.relation = dict(type="mmsrdl.PredictionGCN", classes=CLASSES[::-1])
    message = r"head.relation.classes are not the classes of train_dataloader: class 0 is 'dog' ag"
    with pytest.raises(ValueError, match=message):
        train(cfg)


def test_two_data_sets_of_other_classes(seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.val_dataloader.dataset.metainfo = dict(classes=[*CLASSES[1:], CLASSES[0]])
    message = (
        r"val_dataloader and train_dataloader do not have the same classes: class 0 is 'car' "
        r"against 'boat'; give both data sets the same metainfo"
    )
    with pytest.raises(ValueError, match=message):
        train(cfg)


def test_one_hot_labels_of_another_number(seven: Path, tmp_path: Path) -> None:
    """As of MMPretrain's CSRA config, whose preprocessor makes the labels."""
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.data_preprocessor = dict(num_classes=20, to_onehot=True)
    message = r"labels of num_classes=20 but train_dataloader has 3 classes; set data_preproc.*=3"
    with pytest.raises(ValueError, match=message):
        train(cfg)


@pytest.mark.parametrize("loader", ["train_dataloader", "val_dataloader"])
def test_no_pipeline(loader: str, seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg[loader].dataset.pop("pipeline")
    with pytest.raises(ValueError, match=rf"{loader}.dataset has no pipeline.*; give it pipeline"):
        train(cfg)


def test_topk_of_the_metric(seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.val_evaluator.topk = 4
    with pytest.raises(ValueError, match=r"val_evaluator.topk=4 exceeds the 3 classes of the data"):
        train(cfg)


@pytest.mark.parametrize("options", [{}, {"difficult": "negative"}, {"test_mode": True}])
def test_voc_evaluated_with_its_training_labels(
    options: dict, tiny_voc: Path, seven: Path, tmp_path: Path
) -> None:
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.model.head.update(num_classes=20)
    cfg.model.head.embedder.classes = "voc"
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        pipeline = loader.dataset.pipeline
        loader.dataset = dict(
            type="mmsrdl.VOCMultiLabel", data_root=str(tiny_voc), split="train", pipeline=pipeline
        )
    cfg.val_dataloader.dataset.update(options)
    if options:
        train(cfg)
        return
    with pytest.raises(ValueError, match=r"val_dataloader.dataset is evaluated with test_mode=Fal"):
        train(cfg)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings of the hook."""
    lines: list[str] = []
    monkeypatch.setattr(
        "mmsrdl.engine.hooks.data_guard_hook.print_log", lambda text, **_: lines.append(text)
    )
    return lines


def loop_with(protocol: str | list[str], dataset: object) -> SimpleNamespace:
    metric = MultiLabelMetric(protocol=protocol)
    return SimpleNamespace(
        evaluator=SimpleNamespace(metrics=[metric]), dataloader=SimpleNamespace(dataset=dataset)
    )


@pytest.mark.parametrize("filter_empty", [True, False])
def test_images_without_a_label_that_the_data_set_drops(
    filter_empty: bool, seven: Path, log: list[str]
) -> None:
    content = json.loads((seven / "ann.json").read_text())
    names = content["metainfo"]["classes"]
    coco = {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in range(3)],
        "annotations": [
            {"id": i, "image_id": 0, "category_id": i, "bbox": [0, 0, 1, 1], "iscrowd": 0}
            for i in range(3)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
    }
    (seven / "coco.json").write_text(json.dumps(coco))
    dataset = CocoMultiLabel(
        str(seven / "coco.json"), filter_empty, metainfo={"classes": names}, check_files=False
    )
    assert len(dataset) == (1 if filter_empty else 3)
    loop = loop_with(["paper", "mlgcn", "ssgrl"], dataset)
    _check_metrics("test_evaluator", loop, 3)
    expected = (
        "test_evaluator: protocol ssgrl counts images without a label, which the data set drops; "
        "filter_empty=False keeps them"
    )
    assert log == ([expected] if filter_empty else [])


@pytest.mark.parametrize(
    ("difficult", "warned"), [("unknown", []), ("negative", ["mlgcn"]), ("positive", FROM_VOC)]
)
def test_difficult_objects_that_the_data_set_has_decided(
    difficult: str, warned: list[str], tiny_voc: Path, log: list[str]
) -> None:
    dataset = VOCMultiLabel(str(tiny_voc), split="train", difficult=difficult, test_mode=True)
    _check_metrics("val_evaluator", loop_with(FROM_VOC, dataset), 20)
    assert [line.split()[2] for line in log] == warned
    assert all(f"has made them {difficult}; difficult='unknown'" in line for line in log)


def test_hooks_may_be_none(seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.default_hooks.update(oe=None, data_guard=None, logger=None)
    train(cfg)


def test_sizes_of_heads() -> None:
    linear = torch.nn.Linear(2, 4)
    csra = SimpleNamespace(csra_heads=[SimpleNamespace(head=torch.nn.Conv2d(2, 6, 1))])
    assert num_outputs(SimpleNamespace(num_classes=3, fc=linear)) == 3
    assert num_outputs(SimpleNamespace(fc=linear)) == 4
    assert num_outputs(csra) == 6
    assert num_outputs(SimpleNamespace()) is num_outputs(None) is None
    assert first_difference(["a", "b"], ["a", "c"]) == "class 1 is 'b' against 'c'"
