import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import nn

from mmsrdl.apis import add_pointing_game, attend_images, load_model, pointing_game
from mmsrdl.cli import main
from mmsrdl.datasets import CocoMultiLabel
from mmsrdl.evaluation import pointing_accuracy, pointing_hits
from tests.conftest import write_photos

CLASSES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five images, 80 x 100, with boxes of three classes, in COCO's json."""
    root = tmp_path_factory.mktemp("scenes")
    images = [{"id": i, "file_name": f"{i}.jpg", "height": 80, "width": 100} for i in range(5)]
    boxes = [(i, c) for i in range(5) for c in range(3) if (i + c) % 3]
    annotations = [
        {"id": n, "image_id": i, "category_id": c, "bbox": [15 * i, 9 * c, 40, 50], "iscrowd": 0}
        for n, (i, c) in enumerate(boxes)
    ]
    categories = [{"id": c, "name": name} for c, name in enumerate(CLASSES)]
    content = dict(images=images, annotations=annotations, categories=categories)
    (root / "ann.json").write_text(json.dumps(content))
    write_photos(root, [image["file_name"] for image in images])
    return root


def make_config(root: Path, *steps: dict, kind: str = "mmsrdl.CocoMultiLabel") -> Config:
    steps = steps or (dict(type="Resize", scale=(64, 64)),)
    dataset = dict(
        type=kind, data_root=str(root), ann_file="ann.json", data_prefix="", test_mode=True,
        metainfo=dict(classes=CLASSES),
        pipeline=[dict(type="LoadImageFromFile"), *steps, dict(type="PackInputs")],
    )  # fmt: skip
    embedder = dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=4)
    backbone = dict(
        type="ResNet", depth=18, base_channels=4, stem_channels=4, num_stages=2, out_indices=(1,),
        strides=(1, 2), dilations=(1, 1),
    )  # fmt: skip
    return Config(
        dict(
            default_scope="mmpretrain",
            launcher="none",
            log_level="ERROR",
            work_dir=str(root / "work"),
            data_preprocessor=dict(mean=[120.0] * 3, std=[60.0] * 3, to_rgb=True),
            model=dict(
                type="ImageClassifier",
                backbone=backbone,
                head=dict(type="mmsrdl.CARHead", num_classes=3, in_channels=8, embedder=embedder),
            ),
            test_dataloader=dict(
                batch_size=2,
                num_workers=0,
                collate_fn=dict(type="default_collate"),
                sampler=dict(type="DefaultSampler", shuffle=False),
                dataset=dataset,
            ),
            test_evaluator=dict(type="mmsrdl.MultiLabelMetric"),
            test_cfg=dict(),
        )
    )


@pytest.fixture(scope="module")
def checkpoint(scenes: Path) -> str:
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(make_config(scenes).model)
    for parameter in model.head.parameters():  # fresh maps are flat but for rounding
        nn.init.normal_(parameter)
    path = scenes / "model.pth"
    torch.save({"state_dict": model.state_dict(), "meta": {}}, path)
    return str(path)


RESIZES = [
    dict(type="Resize", scale=(64, 48)),
    dict(type="mmsrdl.TorchResize", scale=(64, 48)),
]


@pytest.mark.parametrize("resize", RESIZES)
def test_attention_of_a_checkpoint(resize: dict, scenes: Path, checkpoint: str) -> None:
    cfg = make_config(scenes, resize)
    before = cfg.pretty_text
    figures = pointing_game(cfg, checkpoint, ["attention", "gradcam", "center"])
    assert cfg.pretty_text == before
    model, _ = load_model(cfg, checkpoint)
    data = CocoMultiLabel(
        "ann.json", data_root=str(scenes), data_prefix="", with_boxes=True,
        metainfo=dict(classes=CLASSES),
    )  # fmt: skip
    infos = [data.get_data_info(i) for i in range(5)]
    hits, classes, centers = [], [], []
    for info, seen in zip(
        infos, attend_images(model, cfg, [info["img_path"] for info in infos]), strict=True
    ):
        boxes = torch.from_numpy(info["gt_bboxes"])
        for c, around in zip(info["gt_bboxes_labels"], boxes, strict=True):
            hits.append(pointing_hits(seen.spatial[c][None], [around[None]], (80, 100))[0])
            classes.append(int(c))
            x1, y1, x2, y2 = around.tolist()
            centers.append(x1 <= 50 <= x2 and y1 <= 40 <= y2)
    found = pointing_accuracy(torch.stack(hits), torch.tensor(classes), 3)
    assert figures["pointing/attention"] == pytest.approx(100 * found.mean)
    assert figures["pointing/attention_overall"] == pytest.approx(100 * found.overall)
    assert figures["pointing/attention/b"] == pytest.approx(100 * found.per_class[1].item())
    assert 0 < found.overall < 1
    assert figures["pointing/center_overall"] == pytest.approx(100 * sum(centers) / len(centers))
    assert 0 < sum(centers) < len(centers)
    assert "pointing/gradcam" in figures
    assert not any(key.startswith("mlr/") for key in figures)


def test_command(scenes: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    cfg = make_config(scenes)
    cfg.log_level = "INFO"
    cfg.dump(str(scenes / "cfg.py"))
    command = ["test", str(scenes / "cfg.py"), checkpoint]
    assert main([*command, "--pointing-game", "--tolerance", "15"]) == 0
    printed = "".join(capsys.readouterr())
    for text in ("mlr/mAP", "pointing/attention:", "pointing/center_overall", "15 pixels"):
        assert text in printed
    with pytest.raises(SystemExit) as end:
        main([*command, "--tolerance", "15"])
    assert end.value.code == 2
    assert "--tolerance 15 is of --pointing-game" in capsys.readouterr().err


def test_other_data_and_pipelines(scenes: Path) -> None:
    with pytest.raises(TypeError, match=r"the data set CustomDataset has no boxes"):
        add_pointing_game(make_config(scenes, kind="CustomDataset"))
    with pytest.raises(ValueError, match=r"has CenterCrop, after which a map's positions"):
        add_pointing_game(make_config(scenes, dict(type="CenterCrop", crop_size=32)))
    wrapped = make_config(scenes)
    inner = wrapped.test_dataloader.dataset
    wrapped.test_dataloader.dataset = dict(type="RepeatDataset", times=1, dataset=inner)
    add_pointing_game(wrapped)
    assert wrapped.test_dataloader.dataset.dataset.with_boxes
    assert [metric.type for metric in wrapped.test_evaluator] == [
        "mmsrdl.MultiLabelMetric",
        "mmsrdl.PointingGameMetric",
    ]
