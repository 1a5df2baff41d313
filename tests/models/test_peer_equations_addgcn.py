"""ADD-GCN, and SAM alone, against slow loops written from its code's description."""

from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.apis import load_config
from mmsrdl.models import ClassFeatureHead, ObjectErasing
from mmsrdl.registry import MODELS
from tests.reference import addgcn as ref
from tests.reference import losses as ref_losses
from tests.reference import oe as ref_oe

TARGET = torch.tensor([[1.0, 0, 0, 1], [0, 1, 1, 0]], dtype=torch.float64)
EXACT = dict(rtol=1e-10, atol=1e-10)
GRAPH = dict(type="mmsrdl.DynamicGCN")
SYSTEMS = [
    dict(),
    dict(map_score_weight=0.5),
    dict(relation=GRAPH),
    dict(relation=GRAPH, map_score_weight=0.5),
    dict(relation=GRAPH, map_score_weight=0.3),
]


def make_head(**options: Any) -> ClassFeatureHead:
    """Builds a small head in float64: C = 4, D = 6, E = 5."""
    torch.manual_seed(0)
    attention = dict(type="mmsrdl.SemanticAttention", out_channels=5)
    head = ClassFeatureHead(num_classes=4, in_channels=6, attention=attention, **options).double()
    with torch.no_grad():
        for name, value in head.state_dict().items():
            if value.is_floating_point():
                value.uniform_(0.5, 2) if name.endswith("running_var") else value.normal_(std=0.5)
    return head


def make_input(size: tuple[int, int] = (3, 4)) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 6, *size, dtype=torch.float64, requires_grad=True)


def reference_logits(
    head: ClassFeatureHead, feature: Tensor, erased: Tensor | None = None
) -> Tensor:
    sam, phi, graph = head.attention, head.classifier, head.relation
    G = ref.map_scores(feature, sam.fc.weight)
    V = ref.features(feature, G, sam.transform.weight, sam.transform.bias, erased)
    if graph is not None:
        norm = graph.norm
        running = {}
        if not head.training:
            running = dict(mean=norm.running_mean, variance=norm.running_var)
        V = ref.d_gcn(
            V, graph.static_graph.weight, graph.static_weight.weight, graph.static_weight.bias,
            graph.global_weight.weight, graph.global_weight.bias, norm.weight, norm.bias,
            graph.dynamic_graph.weight, graph.dynamic_graph.bias,
            graph.dynamic_weight.weight, graph.dynamic_weight.bias, eps=norm.eps, **running,
        )  # fmt: skip
    top = ref.pooled_map_scores(G, erased)
    return ref.addgcn_logits(V, top, phi.weight, phi.bias, head.map_score_weight)


def reference_losses(head: ClassFeatureHead, feature: Tensor) -> dict[str, Tensor]:
    """The losses of both passes: of K = 2 classes the regions are erased."""
    logits = reference_logits(head, feature)
    maps = ref.map_scores(feature, head.attention.fc.weight).sigmoid()
    erased = torch.zeros(maps.shape, dtype=torch.bool)
    for n in range(2):
        for c in ref_oe.top_k(logits[n], 2):
            erased[n, c] = ref_oe.erased_mask(maps[n, c])
    assert erased.any()
    rescored = reference_logits(head, feature, erased)
    return dict(loss_ori=ref_losses.bce(logits, TARGET), loss_era=ref_losses.bce(rescored, TARGET))


def gradients(head: ClassFeatureHead, feature: Tensor, loss: Tensor) -> dict[str, Tensor]:
    wanted = dict(head.named_parameters(), feature=feature)
    found = torch.autograd.grad(loss, list(wanted.values()), materialize_grads=True)
    return dict(zip(wanted, found, strict=True))


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(3, 4), (1, 1), (1, 5)])
def test_logits(system: dict, training: bool, size: tuple[int, int]) -> None:
    head, feature = make_head(**system).train(training), make_input(size)
    expected = reference_logits(head, feature)
    assert_close(head(feature), expected, **EXACT)


def test_maps() -> None:
    head, feature = make_head(), make_input()
    maps = head.attend(feature)
    expected = ref.map_scores(feature, head.attention.fc.weight)
    assert_close(maps.spatial_map(), expected.sigmoid(), **EXACT)
    assert_close(maps.scores, expected.flatten(2), **EXACT)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("training", [True, False])
def test_losses_and_gradients_with_erasing(system: dict, training: bool) -> None:
    head, feature = make_head(**system).train(training), make_input()
    head.erasing = ObjectErasing(topk=2)
    theirs = reference_losses(head, feature)
    expected = gradients(head, feature, sum(theirs.values()))
    ours = head.loss((feature,), [DataSample(gt_score=row) for row in TARGET])
    assert_close(ours, theirs, **EXACT)
    assert abs(ours["loss_era"] - ours["loss_ori"]) > 1e-3
    found = gradients(head, feature, sum(ours.values()))
    assert_close(found, expected, **EXACT)
    unused = {name for name, value in found.items() if value.abs().max() < 1e-9}
    # A bias before a batch normalisation that trains.
    assert unused <= {"relation.global_weight.bias"}


@pytest.mark.parametrize("system", SYSTEMS)
def test_autocast_with_erasing(system: dict) -> None:
    head, feature = make_head(**system).float(), make_input().float()
    head.erasing = ObjectErasing(topk=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = head.loss((feature,), [DataSample(gt_score=row) for row in TARGET])
    sum(losses.values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_config_has_the_papers_layers_and_recipe() -> None:
    cfg = load_config("addgcn_r101_coco")
    head = MODELS.build(cfg.model.head)
    shapes = {name: tuple(value.shape) for name, value in head.named_parameters()}
    assert shapes == {
        "attention.fc.weight": (80, 2048),
        "attention.transform.weight": (1024, 2048),
        "attention.transform.bias": (1024,),
        "relation.static_graph.weight": (80, 80),
        "relation.static_weight.weight": (1024, 1024),
        "relation.static_weight.bias": (1024,),
        "relation.global_weight.weight": (1024, 1024),
        "relation.global_weight.bias": (1024,),
        "relation.norm.weight": (1024,),
        "relation.norm.bias": (1024,),
        "relation.dynamic_graph.weight": (80, 2048),
        "relation.dynamic_graph.bias": (80,),
        "relation.dynamic_weight.weight": (1024, 1024),
        "relation.dynamic_weight.bias": (1024,),
        "classifier.weight": (80, 1024),
        "classifier.bias": (80,),
    }
    assert (head.map_score_weight, head.avg_pool) == (0.5, 1)
    assert head.loss_module.reduction == "mean"
    wrapper = cfg.optim_wrapper
    assert (wrapper.optimizer.type, wrapper.optimizer.lr) == ("SGD", 0.05)
    assert wrapper.paramwise_cfg.custom_keys.backbone.lr_mult == 0.1
    assert wrapper.clip_grad.max_norm == 10
    assert cfg.param_scheduler.milestones == [30, 40]
    assert cfg.train_dataloader.drop_last


def test_sam_alone_differs_from_car_in_the_attention_alone() -> None:
    sam, car = load_config("sam_r101_coco"), load_config("car_r101_coco")
    for key in ("optim_wrapper", "param_scheduler", "train_cfg", "train_dataloader"):
        assert sam[key] == car[key]
    assert sam.model.backbone == car.model.backbone
    assert sam.model.head.loss == car.model.head.loss
    assert not {"relation", "map_score_weight", "embedder"} & set(sam.model.head)
