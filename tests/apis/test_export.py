"""Exported models under onnxruntime, beside the models themselves."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from PIL import Image
from torch import Tensor, nn
from torch.testing import assert_close

from mmsrdl.apis import MultiLabelInferencer, ResizeRule, export_onnx, onnx_error
from mmsrdl.apis import export as export_module
from mmsrdl.apis.onnx_graph import ExportedModel
from mmsrdl.checkpoint import fill_model, read_checkpoint
from mmsrdl.datasets import Cooccurrence
from mmsrdl.evaluation.thresholds import Thresholds
from mmsrdl.models.erasing import ObjectErasing
from mmsrdl.models.label_graph import CooccurrenceGraph

onnx = pytest.importorskip("onnx", reason="the extra export is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra export is not installed")

ROOT = Path(__file__).resolve().parents[2]
CONSUMER = ROOT / "examples" / "onnx_consumer.py"
CLASSES = ["a", "b", "c"]
RESNET = dict(
    type="ResNet", depth=18, base_channels=4, stem_channels=4, num_stages=2, out_indices=(1,),
    strides=(1, 2), dilations=(1, 1),
)  # fmt: skip
LITE0 = dict(type="TIMMBackbone", model_name="tf_efficientnet_lite0")
SWIN = dict(
    type="SwinTransformer", img_size=64, pad_small_map=True,
    arch=dict(embed_dims=4, depths=[2, 1, 1, 1], num_heads=[2, 2, 2, 2]),
)  # fmt: skip
VIT = dict(
    type="VisionTransformer", img_size=64, patch_size=16, out_type="featmap",
    arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
)  # fmt: skip
LINEAR = dict(type="MultiLabelLinearClsHead", num_classes=3)
CSRA = dict(type="CSRAClsHead", num_classes=3, num_heads=4, lam=0.2)
GAP = dict(type="GlobalAveragePooling")
GMP = dict(type="mmsrdl.GlobalMaxPooling")
DSDL = dict(
    type="mmsrdl.ClassFeatureHead",
    num_classes=3,
    embedder=dict(
        type="mmsrdl.AutoencoderLabelEmbedder", classes=CLASSES, embed_dims=2, hidden_dims=3,
        out_dims=8,
    ),
    attention=dict(type="mmsrdl.GlobalPooling"),
    classifier=dict(type="mmsrdl.DictionaryClassifier"),
)  # fmt: skip
THRESHOLDS = Thresholds(("c", "b", "a"), (0.55, 0.5, 0.45), temperature=1.7)


def car(embed_dims: int = 6, **options: Any) -> dict:
    embedder = dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=embed_dims)
    return dict(type="mmsrdl.CARHead", num_classes=3, embedder=embedder, **options)


MLGCN = dict(
    type="mmsrdl.ClassFeatureHead", num_classes=3,
    embedder=dict(
        type="mmsrdl.MLGCNLabelEmbedder", classes=CLASSES, embed_dims=6, hidden_dims=(5, 8)
    ),
    attention=dict(type="mmsrdl.GlobalPooling"),
    classifier=dict(type="mmsrdl.EmbeddingClassifier"),
)  # fmt: skip
PGCN = dict(
    type="mmsrdl.ClassFeatureHead", num_classes=3,
    attention=dict(type="mmsrdl.GlobalPooling"),
    relation=dict(type="mmsrdl.PredictionGCN", hidden_dims=(5, 1)),
    classifier=dict(type="mmsrdl.IdentityClassifier"),
)  # fmt: skip


SRDL_PLUS = dict(
    type="mmsrdl.ClassFeatureHead", num_classes=3,
    attention=dict(type="mmsrdl.EvidencePooling", hidden_channels=6),
    classifier=dict(type="mmsrdl.IdentityClassifier"),
)  # fmt: skip


def ssgrl() -> dict:
    attention = dict(type="mmsrdl.SemanticDecoupling", hidden_channels=6)
    graph = dict(type="mmsrdl.GGNN")
    return {**car(), "type": "mmsrdl.ClassFeatureHead", "attention": attention, "relation": graph}


def addgcn() -> dict:
    return dict(
        type="mmsrdl.ClassFeatureHead",
        num_classes=3,
        attention=dict(type="mmsrdl.SemanticAttention", out_channels=6),
        relation=dict(type="mmsrdl.DynamicGCN"),
        map_score_weight=0.5,
    )


def decoder(
    relation: dict | None = None, classifier: str | dict = "per_class", **kind: Any
) -> dict:
    """A head around a label decoder, or CAR before one."""
    embedder = None
    if kind["type"] != "mmsrdl.GroupDecoder":
        embedder = dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=6)
    return dict(
        type="mmsrdl.ClassFeatureHead", num_classes=3, embedder=embedder, attention=kind,
        relation=relation, classifier=classifier,
    )  # fmt: skip


SMALL = dict(feedforward_channels=16, num_heads=2)
DECODERS = [
    decoder(type="mmsrdl.QueryDecoder", self_attention="all", hidden_channels=12, **SMALL),
    decoder(
        type="mmsrdl.GroupDecoder", hidden_channels=12, num_groups=2, **SMALL,
        classifier=dict(type="mmsrdl.GroupClassifier"),
    ),
    decoder(type="mmsrdl.CARAttention", relation=dict(type="mmsrdl.DecoderRelation", **SMALL)),
]  # fmt: skip


def svfr() -> dict:
    return dict(
        type="mmsrdl.ClassFeatureHead",
        num_classes=3,
        embedder=dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=8, num_layers=0),
        attention=dict(type="mmsrdl.SVFRAttention", graph=dict(type="mmsrdl.GATv2")),
        classifier=dict(type="mmsrdl.EmbeddingClassifier"),
        map_score_weight=0.5,
    )


def make_config(
    head: dict,
    neck: dict | None = None,
    backbone: dict = RESNET,
    channels: int = 8,
    to_rgb: bool = True,
    size: int = 64,
) -> Config:
    pillow = dict(interpolation="bicubic", backend="pillow")
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="Resize", scale=(size, size), **pillow),
        dict(type="PackInputs"),
    ]
    head = {"in_channels": channels, **head}
    model = dict(type="ImageClassifier", backbone=backbone, neck=neck, head=head)
    return Config(
        dict(
            default_scope="mmpretrain",
            data_preprocessor=dict(mean=[90.0, 120, 150], std=[50.0, 60, 70], to_rgb=to_rgb),
            model=model,
            test_dataloader=dict(dataset=dict(pipeline=pipeline)),
        )
    )


def make_model(*args: Any, **kwargs: Any) -> nn.Module:
    cfg = make_config(*args, **kwargs)
    channels = cfg.model.head.in_channels
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build({"data_preprocessor": cfg.data_preprocessor, **cfg.model})
    for parameter in model.head.parameters():
        nn.init.normal_(parameter, std=(0.7 * channels) ** -0.5)
    for part in model.modules():
        if isinstance(part, CooccurrenceGraph) and part.wants_counts:
            counts = torch.tensor([[5, 2, 0], [2, 7, 1], [0, 1, 3]])
            part.take_counts(Cooccurrence.fully_known(counts), CLASSES)
    return model.eval()


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator())


def read(file: Path) -> tuple[Any, dict]:
    session = onnxruntime.InferenceSession(str(file))
    return session, json.loads(session.get_modelmeta().custom_metadata_map["mmsrdl"])


HEADS = [
    (car(), None, RESNET, 8),
    (car(avg_pool=2, attention=dict(use_channel=False)), None, RESNET, 8),
    (car(), None, LITE0, 1280),
    (ssgrl(), None, RESNET, 8),
    (addgcn(), None, RESNET, 8),
    (svfr(), None, RESNET, 8),
    (LINEAR, GAP, RESNET, 8),
    (LINEAR, GMP, RESNET, 8),
    (CSRA, None, RESNET, 8),
    *((head, None, RESNET, 8) for head in DECODERS),
    (DSDL, None, RESNET, 8),
    (MLGCN, None, RESNET, 8),
    (PGCN, None, RESNET, 8),
    (SRDL_PLUS, None, RESNET, 8),
]


@pytest.mark.parametrize(("head", "neck", "backbone", "channels"), HEADS)
def test_open_sizes_of_every_head(
    head: dict,
    neck: dict | None,
    backbone: dict,
    channels: int,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    model = make_model(head, neck, backbone, channels)
    file = tmp_path / "new" / "model.onnx"
    report = export_onnx(model, CLASSES, file, 64)
    assert "custom opset" not in capfd.readouterr().err
    assert report.inputs == {"images": "uint8 [N, 3, H, W]"}
    assert report.outputs == {"scores": "float [N, 3]"}
    assert report.bytes == file.stat().st_size
    assert report.shapes == ((1, 3, 64, 64), (3, 3, 64, 64), (1, 3, 96, 32), (3, 3, 96, 32))
    assert report.error is not None
    assert report.error < 1e-5
    # Sizes and batches that the export never saw.
    others = [noise(2, 3, 70, 91), noise(5, 3, 33, 64)]
    assert onnx_error(file, model, others) < 1e-5
    scores = read(file)[0].run(None, {"images": others[0].numpy()})[0]
    assert scores.std() > 1e-3


def test_dictionary_is_solved_before_the_export(tmp_path: Path) -> None:
    wide = {**DSDL["embedder"], "embed_dims": 300, "hidden_dims": 1024}
    model = make_model({**DSDL, "embedder": wide})  # 1.2 MB of autoencoder
    assert export_onnx(model, CLASSES, tmp_path / "model.onnx", 32).bytes < 60_000


def test_a_model_that_crops_is_refused(tmp_path: Path) -> None:
    cfg = make_config(LINEAR, GAP)
    cfg.model.type = "mmsrdl.MCARClassifier"
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build({"data_preprocessor": cfg.data_preprocessor, **cfg.model}).eval()
    with pytest.raises(TypeError, match=r"second pass looks depends.*mcar_global"):
        export_onnx(model, CLASSES, tmp_path / "model.onnx", 32)
    # The same weights as one stream.
    single = make_model(LINEAR, GAP)
    single.load_state_dict(model.state_dict())
    assert export_onnx(single, CLASSES, tmp_path / "model.onnx", 32).error < 1e-5


@pytest.mark.parametrize("to_rgb", [True, False])
def test_channels_are_rgb_whatever_the_model_wants(to_rgb: bool, tmp_path: Path) -> None:
    model, file = make_model(car(), to_rgb=to_rgb), tmp_path / "model.onnx"
    export_onnx(model, CLASSES, file, 32)
    images = noise(2, 3, 32, 40)
    assert onnx_error(file, model, [images]) < 1e-5
    model.data_preprocessor.to_rgb = not to_rgb
    assert onnx_error(file, model, [images]) > 1e-3


def test_label_side_is_constant_and_erasing_absent(tmp_path: Path) -> None:
    wide = make_model(car(embed_dims=2000))  # 2 x 16 MB of graph convolutions
    report = export_onnx(wide, CLASSES, tmp_path / "wide.onnx", 32)
    assert report.bytes < 200_000
    graph = onnx.load(report.file).graph
    names = [*(node.name for node in graph.node), *(each.name for each in graph.initializer)]
    assert not [name for name in names if "embedder" in name or "fw" in name]
    assert not [node for node in graph.node if node.op_type == "LeakyRelu"]
    wide.head.erasing = ObjectErasing(topk=1)
    again = export_onnx(wide, CLASSES, tmp_path / "again.onnx", 32)
    assert Path(again.file).read_bytes() == Path(report.file).read_bytes()


def test_thresholds_and_temperature(tmp_path: Path) -> None:
    model, file = make_model(car()), tmp_path / "model.onnx"
    report = export_onnx(model, CLASSES, file, 32, thresholds=THRESHOLDS)
    assert report.outputs["predictions"] == "bool [N, 3]"
    session, about = read(file)
    assert about["temperature"] == 1.7
    assert about["thresholds"] == pytest.approx([0.45, 0.5, 0.55])
    images = noise(40, 3, 32, 32)
    images[::2] //= 9
    scores, predictions = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        inputs = model.data_preprocessor({"inputs": images.flip(1)})["inputs"]
        raw = model.head(model.extract_feat(inputs)).sigmoid()
    assert_close(torch.from_numpy(scores), THRESHOLDS.calibrate(raw), atol=1e-5, rtol=0)
    np.testing.assert_array_equal(predictions, scores >= np.float32([0.45, 0.5, 0.55]))
    assert predictions.any()
    assert not predictions.all()


def test_logits(tmp_path: Path) -> None:
    model, images = make_model(car()), noise(2, 3, 32, 32)
    probabilities = export_onnx(model, CLASSES, tmp_path / "p.onnx", 32, thresholds=THRESHOLDS)
    report = export_onnx(
        model, CLASSES, tmp_path / "z.onnx", 32, sigmoid=False, thresholds=THRESHOLDS
    )
    assert list(report.outputs) == ["logits", "predictions"]
    (scores, expected), (logits, predictions) = (
        read(Path(each.file))[0].run(None, {"images": images.numpy()})
        for each in (probabilities, report)
    )
    np.testing.assert_allclose(1 / (1 + np.exp(-logits / 1.7)), scores, atol=1e-6)
    np.testing.assert_array_equal(predictions, expected)
    assert onnx_error(report.file, model, [images]) < 1e-4


def test_the_file_says_how_it_is_used(tmp_path: Path) -> None:
    names = ["größe", 'a "b"', "c"]
    rule = ResizeRule((32, 48), "bilinear", antialias=False)
    report = export_onnx(make_model(LINEAR, GAP), names, tmp_path / "model.onnx", rule)
    about = read(tmp_path / "model.onnx")[1]
    assert about == report.metadata
    assert about["classes"] == names
    assert about["thresholds"] is None
    assert about["input"] == {
        "layout": "NCHW",
        "channels": "RGB",
        "type": "uint8",
        "dynamic": True,
        "resize": {"size": [32, 48], "interpolation": "bilinear", "antialias": False},
    }


@pytest.mark.parametrize("backbone", [SWIN, VIT])
def test_backbones_of_one_size(backbone: dict, tmp_path: Path) -> None:
    channels = 32 if backbone is SWIN else 8
    model = make_model(car(), None, backbone, channels)
    file = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match=r"dynamic=True: .*dynamic=False \(--static\)"):
        export_onnx(model, CLASSES, file, 64)
    report = export_onnx(model, CLASSES, file, 64, dynamic=False)
    assert report.inputs == {"images": "uint8 [N, 3, 64, 64]"}
    assert onnx_error(file, model, [noise(5, 3, 64, 64)]) < 1e-5


def test_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    model = make_model(car()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export_onnx(model, CLASSES, tmp_path / "model.onnx", 32)
    assert model.training
    assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_a_wrong_graph_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, file = make_model(LINEAR, GAP), tmp_path / "model.onnx"
    right = ExportedModel.logits
    monkeypatch.setattr(ExportedModel, "logits", lambda self, x: right(self, x) + 0.01)
    with pytest.raises(RuntimeError, match=r"differs from the model by 0\.00"):
        export_onnx(model, CLASSES, file, 32)
    assert not file.exists()
    assert export_onnx(model, CLASSES, file, 32, verify=False).error is None
    assert file.exists()
    assert 1e-4 < onnx_error(file, model, [noise(1, 3, 32, 32)]) < 0.01


def test_a_graph_of_one_size_is_not_written_as_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(export_module, "takes_one_size", lambda model: False)
    with pytest.raises(RuntimeError, match=r"(?s)does not run .*\[1, 3, 96, 32\].*--static"):
        export_onnx(make_model(car(), None, VIT, 8), CLASSES, tmp_path / "model.onnx", 64)
    assert not list(tmp_path.iterdir())


def test_refused_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, file = make_model(LINEAR, GAP), tmp_path / "model.onnx"
    for options, message in (
        (dict(classes=["a"]), "classes has 1 names, but the model scores 3 classes"),
        (dict(opset=11), "opset=11 must be in 17 to 20"),
        (dict(size=0), "size=0 must be at least 1"),
        (dict(thresholds=Thresholds(("a",), (0.5,))), "no threshold for 'b', 'c'"),
    ):
        with pytest.raises(ValueError, match=message):
            export_onnx(**{"model": model, "classes": CLASSES, "out_file": file, **options})
    with pytest.raises(TypeError, match="no multi-label classifier"):
        export_onnx(nn.Linear(2, 2), CLASSES, file)
    model.data_preprocessor.pad_size_divisor = 32
    with pytest.raises(ValueError, match="pad_size_divisor=32 pads images"):
        export_onnx(model, CLASSES, file)
    model.data_preprocessor = nn.Identity()
    with pytest.raises(TypeError, match="data preprocessor Identity cannot be exported"):
        export_onnx(model, CLASSES, file)
    monkeypatch.setattr(export_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"not installed: pip install 'mmsrdl\[export\]'"):
        export_onnx(model, CLASSES, file)


def consume(model: Path, *images: Path) -> dict[str, dict[str, float]]:
    """Runs the example where neither torch nor anything of OpenMMLab can be imported."""
    forbidden = ("torch", "mmsrdl", "mmengine", "mmcv", "mmpretrain", "cv2", "onnx")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({forbidden})); sys.argv.pop(0)\n"
        "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(CONSUMER), str(model), *map(str, images)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = {}
    for line in result.stdout.splitlines():
        path, labels = line.split(": ")
        pairs = [label.rsplit(" ", 1) for label in labels.split(", ") if label != "no label"]
        found[path] = {name: float(score) for name, score in pairs}
    return found


def test_the_example_needs_no_torch(tiny_voc: Path, tmp_path: Path) -> None:
    model, cfg = make_model(car()), make_config(car())
    zero = Thresholds(tuple(CLASSES), (0.0,) * 3)
    file = tmp_path / "model.onnx"
    export_onnx(model, CLASSES, file, ResizeRule((64, 64)), thresholds=zero)
    paths = sorted((tiny_voc / "JPEGImages").iterdir())
    inferencer = MultiLabelInferencer(model, classes=CLASSES, config=cfg)
    found = consume(file, *paths)
    for path, prediction in zip(paths, inferencer(list(map(str, paths))), strict=True):
        scores = dict(zip(CLASSES, np.asarray(prediction.scores).tolist(), strict=True))
        assert found[str(path)] == pytest.approx(scores, abs=1.5e-4)  # it prints four digits


@pytest.fixture(scope="module")
def lite0(photographs: Path) -> nn.Module:
    """CAR on ImageNet's features, untrained: its scores differ from image to image."""
    model = make_model(car(), None, LITE0, 1280, size=448)
    (weights,) = (photographs / "weights").glob("tf_efficientnet_lite0*.pth")
    state = {f"backbone.timm_model.{k}": v for k, v in read_checkpoint(str(weights)).items()}
    state = {name: value for name, value in state.items() if "classifier" not in name}
    fill_model(model, {**model.state_dict(), **state}, str(weights))
    return model.eval()


def batches_of(paths: list[Path], side: int, count: int) -> list[Tensor]:
    images = []
    for path in paths:
        image = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        images.append(torch.from_numpy(np.array(image)).permute(2, 0, 1))
    return list(torch.stack(images).split(count))


REAL = [
    (2, (224, 160), (1, 2)),
    pytest.param(100, (448, 320), (1, 8, 32), marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("images", "sides", "counts"), REAL)
def test_real_photographs(
    images: int, sides: tuple, counts: tuple, lite0: nn.Module, photographs: Path, tmp_path: Path
) -> None:
    """The model's scores to 1e-4, whatever size and batch."""
    paths = sorted((photographs / "coco" / "val").glob("*.jpg"))[:images]
    assert len(paths) == images
    file = tmp_path / "model.onnx"
    export_onnx(lite0, CLASSES, file, 448, verify=False)
    for side in sides:
        for count in counts:
            assert onnx_error(file, lite0, batches_of(paths, side, count)) < 1e-4


def test_the_example_on_real_photographs(
    lite0: nn.Module, photographs: Path, tmp_path: Path
) -> None:
    paths = sorted((photographs / "coco" / "val").glob("*.jpg"))[:2]
    cfg = make_config(car(), None, LITE0, 1280, size=448)
    zero = Thresholds(tuple(CLASSES), (0.0,) * 3)
    report = export_onnx(lite0, CLASSES, tmp_path / "m.onnx", 448, thresholds=zero, verify=False)
    found = consume(Path(report.file), *paths)
    inferencer = MultiLabelInferencer(lite0, classes=CLASSES, config=cfg)
    for path, prediction in zip(paths, inferencer(list(map(str, paths))), strict=True):
        scores = dict(zip(CLASSES, np.asarray(prediction.scores).tolist(), strict=True))
        assert found[str(path)] == pytest.approx(scores, abs=1.5e-4)
