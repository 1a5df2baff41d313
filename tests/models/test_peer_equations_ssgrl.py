"""SSGRL, and SD alone, against slow loops written from its description, in value and gradient."""

from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.apis import load_config
from mmsrdl.datasets import Cooccurrence
from mmsrdl.models import ClassFeatureHead, ObjectErasing
from mmsrdl.registry import MODELS
from tests.reference import car as ref_car
from tests.reference import losses as ref_losses
from tests.reference import oe as ref_oe
from tests.reference import ssgrl as ref

CLASSES = ["cat", "dog", "bus", "tree"]
COUNTS = torch.tensor([[5, 2, 0, 0], [2, 7, 1, 0], [0, 1, 3, 0], [0, 0, 0, 0]])
TARGET = torch.tensor([[1.0, 0, 0, 1], [0, 1, 1, 0]], dtype=torch.float64)
EXACT = dict(rtol=1e-10, atol=1e-10)
RELATIONS = [
    None,
    dict(type="mmsrdl.GGNN"),
    dict(type="mmsrdl.GGNN", num_steps=1, bias=False, out_channels=3),
]


def make_head(relation: dict | None = None, **options: Any) -> ClassFeatureHead:
    """Builds a small head in float64: C = 4, D = 6, d' = 5, d = 7."""
    torch.manual_seed(0)
    embedder = dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=5, num_layers=0)
    head = ClassFeatureHead(
        num_classes=4,
        in_channels=6,
        embedder=embedder,
        attention=dict(type="mmsrdl.SemanticDecoupling", hidden_channels=7),
        relation=relation,
        **options,
    ).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    if head.relation is not None:
        head.relation.take_counts(Cooccurrence.fully_known(COUNTS), CLASSES)
    return head


def make_input(size: tuple[int, int] = (3, 4)) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 6, *size, dtype=torch.float64, requires_grad=True)


def reference_maps(head: ClassFeatureHead, feature: Tensor) -> Tensor:
    sd = head.attention
    scores = ref.attention_scores(
        feature, head.embedder.vectors, sd.fc_1.weight, sd.fc_2.weight, sd.fc_3.weight,
        sd.fc_3.bias, sd.fc_a.weight[0],
    )  # fmt: skip
    return ref.attention(scores)


def reference_logits(
    head: ClassFeatureHead, feature: Tensor, maps: Tensor, erased: Tensor | None = None
) -> Tensor:
    f = ref.features(feature, maps, erased)
    phi, graph = head.classifier, head.relation
    if graph is None:
        return ref_car.logits(f, phi.weight, phi.bias)
    W_o, b_o = graph.output.weight, graph.output.bias
    bs = None
    if graph.input.bias is not None:
        of_state = [*graph.hidden.bias.chunk(2), graph.candidate.bias]
        bs = [a + b for a, b in zip(graph.input.bias.chunk(3), of_state, strict=True)]
    return ref.ssgrl_logits(
        f,
        ref.adjacency(COUNTS, COUNTS.diagonal()),
        graph.input.weight.chunk(3),
        [*graph.hidden.weight.chunk(2), graph.candidate.weight],
        bs, W_o, b_o, phi.weight, phi.bias, T=graph.num_steps,
    )  # fmt: skip


def reference_losses(head: ClassFeatureHead, feature: Tensor) -> dict[str, Tensor]:
    """The losses of both passes: of K = 2 classes the regions are erased."""
    maps = reference_maps(head, feature)
    logits = reference_logits(head, feature, maps)
    erased = torch.zeros(maps.shape, dtype=torch.bool)
    for n in range(2):
        for c in ref_oe.top_k(logits[n], 2):
            erased[n, c] = ref_oe.erased_mask(maps[n, c])
    assert erased.any()
    rescored = reference_logits(head, feature, maps, erased)
    return dict(loss_ori=ref_losses.bce(logits, TARGET), loss_era=ref_losses.bce(rescored, TARGET))


def gradients(head: ClassFeatureHead, feature: Tensor, loss: Tensor) -> dict[str, Tensor]:
    wanted = dict(head.named_parameters(), feature=feature)
    found = torch.autograd.grad(loss, list(wanted.values()), materialize_grads=True)
    return dict(zip(wanted, found, strict=True))


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("size", [(3, 4), (1, 1), (1, 5)])
def test_maps_and_logits(relation: dict | None, size: tuple[int, int]) -> None:
    head, feature = make_head(relation), make_input(size)
    maps = reference_maps(head, feature)
    assert_close(head.attend(feature).spatial_map(), maps, **EXACT)
    assert_close(head(feature), reference_logits(head, feature, maps), **EXACT)


@pytest.mark.parametrize("relation", RELATIONS)
def test_losses_and_gradients_with_erasing(relation: dict | None) -> None:
    head, feature = make_head(relation), make_input()
    head.erasing = ObjectErasing(topk=2)
    ours = head.loss((feature,), [DataSample(gt_score=row) for row in TARGET])
    theirs = reference_losses(head, feature)
    assert_close(ours, theirs, **EXACT)
    assert abs(ours["loss_era"] - ours["loss_ori"]) > 1e-3
    found = gradients(head, feature, sum(ours.values()))
    assert_close(found, gradients(head, feature, sum(theirs.values())), **EXACT)
    unused = {name for name, value in found.items() if value.abs().max() < 1e-9}
    assert unused == {"attention.fc_3.bias", "attention.fc_a.bias"}  # the softmax cancels them


def test_autocast_with_erasing() -> None:
    head, feature = make_head(RELATIONS[1]).float(), make_input().float()
    head.erasing = ObjectErasing(topk=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = head.loss((feature,), [DataSample(gt_score=row) for row in TARGET])
    sum(losses.values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_label_side_is_computed_once_and_follows_the_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    head, feature, calls = make_head(RELATIONS[1]).eval(), make_input(), []
    compute = head.attention.embed_labels
    monkeypatch.setattr(head.attention, "embed_labels", lambda x: calls.append(x) or compute(x))
    with torch.no_grad():
        first = head(feature)
        assert_close(head(feature), first)
        assert len(calls) == 1
        head.attention.fc_2.weight.mul_(2)
        assert not torch.allclose(head(feature), first)
        assert len(calls) == 2


def test_config_has_the_papers_layers_and_recipe() -> None:
    cfg = load_config("ssgrl_r101_coco")
    head = MODELS.build(cfg.model.head)
    shapes = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    assert shapes == {
        "embedder.vectors": (80, 300),
        "attention.fc_1.weight": (1024, 2048),
        "attention.fc_2.weight": (1024, 300),
        "attention.fc_3.weight": (1024, 1024),
        "attention.fc_3.bias": (1024,),
        "attention.fc_a.weight": (1, 1024),
        "attention.fc_a.bias": (1,),
        "relation.adjacency": (80, 80),
        "relation.input.weight": (3 * 2048, 4096),
        "relation.input.bias": (3 * 2048,),
        "relation.hidden.weight": (2 * 2048, 2048),
        "relation.hidden.bias": (2 * 2048,),
        "relation.candidate.weight": (2048, 2048),
        "relation.candidate.bias": (2048,),
        "relation.output.weight": (2048, 4096),
        "relation.output.bias": (2048,),
        "classifier.weight": (80, 2048),
        "classifier.bias": (80,),
    }
    assert not head.embedder.vectors.requires_grad
    assert (head.relation.num_steps, head.avg_pool) == (3, 2)
    assert head.loss_module.reduction == "mean"
    assert cfg.model.backbone.frozen_stages == 3
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ("Adam", 1e-5, 0)
    assert cfg.train_dataloader.batch_size == 4
    steps = [step["type"] for step in cfg.train_dataloader.dataset.pipeline]
    assert "RandomFlip" not in steps


def test_sd_alone_differs_from_car_in_the_attention_alone() -> None:
    sd, car = load_config("sd_r101_coco"), load_config("car_r101_coco")
    for key in ("optim_wrapper", "param_scheduler", "train_cfg", "train_dataloader"):
        assert sd[key] == car[key]
    assert sd.model.backbone == car.model.backbone
    assert sd.model.head.loss == car.model.head.loss
    assert "relation" not in sd.model.head
