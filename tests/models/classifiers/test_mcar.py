import copy
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.testing import assert_close

from mmsrdl.apis import class_maps
from mmsrdl.models import CachedMaps, MCARClassifier, ObjectErasing
from mmsrdl.models.erasing.csra import bind_csra

CLASSES = ["a", "b", "c", "d", "e"]
RESNET = dict(type="ResNet", depth=18, base_channels=4, stem_channels=4)
LINEAR = dict(type="MultiLabelLinearClsHead", num_classes=5, in_channels=32)
CSRA = dict(type="CSRAClsHead", num_classes=5, in_channels=32, num_heads=2, lam=0.1)
CAR = dict(
    type="mmsrdl.CARHead",
    num_classes=5,
    in_channels=32,
    embedder=dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=6),
)
DECODER = dict(
    type="mmsrdl.ClassFeatureHead",
    num_classes=5,
    in_channels=32,
    attention=dict(
        type="mmsrdl.GroupDecoder", hidden_channels=8, num_heads=2, feedforward_channels=8
    ),
    classifier=dict(type="mmsrdl.GroupClassifier"),
)
GAP = dict(type="GlobalAveragePooling")
KINDS: dict[str, dict] = {
    "linear": dict(head=LINEAR, neck=GAP),
    "csra": dict(head=CSRA),
    "car": dict(head=CAR, localizer="attention"),
    "decoder": dict(head=DECODER, localizer="attention"),
}


def make(kind: str = "linear", backbone: Any = RESNET, **options: Any) -> MCARClassifier:
    torch.manual_seed(0)
    cfg = {"type": "mmsrdl.MCARClassifier", "backbone": backbone, **KINDS[kind], **options}
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg)
    for name, parameter in model.head.named_parameters():
        if name.endswith("weight"):
            nn.init.normal_(parameter, std=0.5)
    return model


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 96, 64, generator=torch.Generator().manual_seed(1))


def samples(count: int = 2) -> list[DataSample]:
    return [DataSample().set_gt_score(torch.eye(5)[n]) for n in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_score_is_the_larger_of_the_image_and_its_crops(kind: str) -> None:
    model, inputs = make(kind, regions=3).eval(), images()
    with torch.no_grad():
        features = model.backbone(inputs)
        logits, maps, _ = model._global_stream(features)
        boxes = model.boxes(logits, maps, (96, 64))
        assert boxes.shape == (2, 3, 4)
        expected = []
        for n in range(2):
            one = logits[n]
            for x1, y1, x2, y2 in boxes[n].tolist():
                crop = nn.functional.interpolate(
                    inputs[n : n + 1, :, y1:y2, x1:x2], (96, 64), mode="bilinear",
                    align_corners=True,
                )  # fmt: skip
                feats = model.extract_feat(crop)
                one = torch.maximum(one, model.head(feats)[0])
            expected.append(one)
        scores = model(inputs)
    assert_close(scores, torch.stack(expected), rtol=1e-3, atol=1e-3)
    assert (scores > logits + 1e-3).any()
    assert (scores == logits).any()


@pytest.mark.parametrize("kind", KINDS)
def test_modes_agree(kind: str) -> None:
    model, inputs = make(kind).eval(), images()
    with torch.no_grad():
        scores = model(inputs, mode="tensor").sigmoid()
        predicted = model(inputs, samples(), mode="predict")
        known = model.predict(inputs, samples(), model.backbone(inputs))
    assert_close(torch.stack([each.pred_score for each in predicted]), scores)
    assert_close(torch.stack([each.pred_score for each in known]), scores)
    assert predicted[0].pred_label.tolist() == (scores[0] >= 0.5).nonzero()[:, 0].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_likeliest_classes_are_localised_on_their_own_maps(kind: str) -> None:
    model, inputs = make(kind, regions=2).eval(), images(1)
    with torch.no_grad():
        logits, maps, _ = model._global_stream(model.backbone(inputs))
    best = logits[0].argsort(descending=True)[:2]
    only = maps.clone()
    rest = [c for c in range(5) if c not in best]
    only[:, rest] = torch.rand_like(only[:, rest])
    assert torch.equal(model.boxes(logits, only, (96, 64)), model.boxes(logits, maps, (96, 64)))
    shown = class_maps(model, inputs, best, method=model.localizer)
    if kind != "linear":  # whose maps have their bias
        for used, pictured in zip(maps[0, best], shown.flatten(0, -3), strict=True):
            assert (pictured.flatten()[used.flatten().argsort()].diff() >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_losses_train_both_streams(kind: str) -> None:
    model = make(kind)
    losses = model(images(), samples(), mode="loss")
    assert set(losses) == {"loss_global", "loss_local"}
    for loss in losses.values():
        model.zero_grad()
        loss.backward(retain_graph=True)
        gradients = [p.grad for p in model.parameters() if p.requires_grad]
        assert all(g is not None and g.isfinite().all() for g in gradients)
        assert model.backbone.conv1.weight.grad.abs().sum() > 0


def test_erasing_works_on_the_global_stream() -> None:
    model = make("car")
    model.head.erasing = ObjectErasing(topk=2)
    assert set(model.loss(images(), samples())) == {"loss_global", "loss_local", "loss_era"}
    model = make("csra")
    bind_csra(model.head)
    model.head.erasing = ObjectErasing(topk=2)
    assert set(model.loss(images(), samples())) == {"loss_global", "loss_local", "loss_era"}


def test_unknown_labels_are_left_out_of_both_losses() -> None:
    loss = dict(type="mmsrdl.MultiLabelBCELoss", reduction="mean")
    model = make(head={**LINEAR, "loss": loss}).eval()
    target = torch.tensor([1.0, -1, 0, -1, 0])
    with torch.no_grad():
        losses = model.loss(images(1), [DataSample().set_gt_score(target)])
        features = model.backbone(images(1))
        logits, maps, _ = model._global_stream(features)
        local = model._local_stream(images(1), logits, maps)
    known = [0, 2, 4]
    for name, scores in (("loss_global", logits), ("loss_local", local)):
        expected = nn.functional.binary_cross_entropy_with_logits(scores[0, known], target[known])
        assert_close(losses[name], expected)
    with pytest.raises(ValueError, match="labels of the batch are -1"):
        make().loss(images(1), [DataSample().set_gt_score(target)])


def test_batch_norm_sees_the_crops_as_a_second_batch() -> None:
    model, norm = make(regions=3), []
    model.backbone.bn1.register_forward_pre_hook(lambda _, args: norm.append(len(args[0])))
    model.loss(images(), samples())
    assert norm == [2, 6]
    assert model.backbone.bn1.num_batches_tracked == 2


@pytest.mark.parametrize(
    ("local_size", "expected"), [(None, (96, 64)), (40, (40, 40)), ((32, 48),) * 2]
)
def test_local_size(local_size: Any, expected: tuple[int, int]) -> None:
    model, seen = make(local_size=local_size).eval(), []
    model.backbone.register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape)))
    with torch.no_grad():
        model(images())
    assert seen == [(2, 3, 96, 64), (8, 3, *expected)]


def test_more_regions_than_classes() -> None:
    model = make(regions=9).eval()
    with torch.no_grad():
        assert model(images()).shape == (2, 5)


def test_has_the_weights_of_one_stream_and_survives_a_copy() -> None:
    model = make().eval()
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        single = MODELS.build(dict(type="ImageClassifier", backbone=RESNET, **KINDS["linear"]))
    assert list(model.state_dict()) == list(single.state_dict())
    with torch.no_grad():
        assert_close(copy.deepcopy(model)(images()), model(images()))


def losses_of_half(model: nn.Module, rank: int) -> Tensor:
    """The sum of the losses on image ``rank`` of two."""
    inputs = images().double()[rank, None]
    losses = model(inputs, samples()[rank : rank + 1], mode="loss")
    return sum(losses.values())


def distributed_step(rank: int, port: int, folder: Path) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    model = make("linear").double()  # so that no rounding moves a box
    wrapped = MMDistributedDataParallel(model)  # which has to live until the gradients are there
    losses_of_half(wrapped, rank).backward()
    if rank == 0:
        torch.save({n: p.grad for n, p in model.named_parameters()}, folder / "gradients.pth")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_distributed_gradients_are_the_mean_of_the_processes(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    torch.multiprocessing.spawn(distributed_step, (port, tmp_path), nprocs=2)
    found = torch.load(tmp_path / "gradients.pth")
    halves = []
    for rank in range(2):
        model = make("linear").double()
        losses_of_half(model, rank).backward()
        halves.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in found.items():
        expected = (halves[0][name] + halves[1][name]) / 2
        assert_close(gradient, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_compile_sees_no_branch_on_data(kind: str) -> None:
    """One graph, whatever the images show."""
    model = make(kind).eval()
    with torch.no_grad():
        expected = model(images())
        compiled = torch.compile(model, backend="eager", fullgraph=True)
        assert_close(compiled(images()), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_amp(kind: str) -> None:
    model, inputs = make(kind).eval(), images()
    with torch.no_grad():
        exact = model(inputs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = model(inputs)
    assert scores.isfinite().all()
    assert_close(scores.float().sigmoid(), exact.sigmoid(), rtol=0, atol=0.3)
    model.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model.loss(inputs, samples())
    sum(losses.values()).backward()
    assert model.backbone.conv1.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (dict(regions=0), ValueError, "regions=0"),
        (dict(regions=2.0), TypeError, "regions=2.0"),
        (dict(threshold=1.0), ValueError, "threshold=1.0"),
        (dict(min_size=0.5), ValueError, "min_size=0.5"),
        (dict(local_size=0), ValueError, "local_size=0"),
        (dict(local_size=(1, 2, 3)), ValueError, "local_size="),
        (dict(localizer="gradcam"), ValueError, "localizer='gradcam'"),
        (dict(localizer="attention"), TypeError, "no spatial attention"),
        (dict(neck=None), TypeError, "no evidence by position"),
        (dict(head=CAR), TypeError, "localizer='attention'"),
        (dict(head=dict(type="LinearClsHead", num_classes=5, in_channels=32)), TypeError, "multi"),
        (dict(backbone=CachedMaps()), ValueError, "CachedMaps never sees"),
    ],
)
def test_bad_options(options: dict, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make(**options)
