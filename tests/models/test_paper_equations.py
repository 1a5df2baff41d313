"""The model against slow loops that were written from the paper alone, in value and gradient."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import ObjectErasing
from mmsrdl.models.attention import CARAttention
from mmsrdl.models.embedders import GCNLabelEmbedder, normalize_adjacency
from mmsrdl.models.heads import CARHead
from mmsrdl.models.losses import MultiLabelBCELoss
from tests.reference import car as ref_car
from tests.reference import gcn as ref_gcn
from tests.reference import losses as ref_losses

CLASSES = ["cat", "dog", "bus", "tree"]
TOLERANCE = {torch.float32: dict(rtol=1e-5, atol=1e-5), torch.float64: dict(rtol=1e-9, atol=1e-9)}


def make_head(dtype: torch.dtype = torch.float64, seed: int = 0, **options: object) -> CARHead:
    """Builds a small head: C = 4, D = 6, d' = 5."""
    torch.manual_seed(seed)
    config = dict(
        num_classes=4,
        in_channels=6,
        embedder=dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=5),
    )
    head = CARHead(**{**config, **options}).to(dtype)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    return head


def make_input(dtype: torch.dtype = torch.float64, size: tuple[int, int] = (3, 4)) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 6, *size, dtype=dtype)


def reference_loss(head: CARHead, feature: Tensor, target: Tensor, **options: object) -> tuple:
    """The paper's losses, with the head's weights."""
    embedder, attention, phi = head.embedder, head.attention, head.classifier
    x = embedder.vectors
    if embedder.adjacency is not None:
        layers = [layer.weight.T for layer in embedder.layers]
        x = ref_gcn.gcn(x, embedder.adjacency, layers, normalise=embedder.normalization)
    shared = phi.weight.shape[0] == 1 and head.num_classes > 1
    spatial, channel = attention.has_maps, attention.has_channel_branch
    CA, SA, f = ref_car.car(
        feature,
        x,
        attention.fca.weight if channel else None,
        attention.fsa.weight if spatial else None,
        attention.fw.weight,
        attention.fc.weight if channel else None,
        attention.fc.bias if channel else None,
        attention.fs.weight[0] if spatial else None,
        attention.fs.bias[0] if spatial else None,
        *attention.weights,
        use_ca=channel,
        use_sa=spatial,
    )
    weight = phi.weight[0] if shared else phi.weight
    bias = phi.bias[0] if shared else phi.bias
    logits = ref_car.logits(f, weight, bias)
    if not spatial:
        return logits, ref_losses.bce(logits, target, options.get("reduction", "batchmean"))
    return logits, *ref_losses.srdl_loss(
        feature, CA, SA, weight, bias, target, w_s=attention.weights[0], w_c=attention.weights[1],
        **options,
    )  # fmt: skip


def gradients(head: CARHead, feature: Tensor, loss: Tensor) -> list[Tensor]:
    wanted = [feature, *(p for p in head.parameters() if p.requires_grad)]
    return list(torch.autograd.grad(loss, wanted, allow_unused=True))


def targets(dtype: torch.dtype) -> Tensor:
    return torch.tensor([[1.0, 0, 0, 1], [0, -1, 1, 0]], dtype=dtype)


def erased_loss(head: CARHead, feature: Tensor, target: Tensor) -> dict[str, Tensor]:
    from mmpretrain.structures import DataSample

    return head.loss((feature,), [DataSample(gt_score=row) for row in target])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(3, 4), (1, 1), (1, 5), (4, 2)])
def test_losses_and_gradients(dtype: torch.dtype, size: tuple[int, int]) -> None:
    head, feature = make_head(dtype), make_input(dtype, size).requires_grad_()
    head.erasing = ObjectErasing(topk=2, alpha=0.5)
    losses = erased_loss(head, feature, targets(dtype))
    _, ori, era = reference_loss(head, feature, targets(dtype), K=2, alpha=0.5)
    # MMPretrain's DataSample keeps labels as float32, which holds 1, 0 and -1 exactly.
    assert_close(losses["loss_ori"], ori, **TOLERANCE[dtype])
    assert_close(losses["loss_era"], era, **TOLERANCE[dtype])
    for ours, theirs in zip(
        gradients(head, feature, sum(losses.values())),
        gradients(head, feature, ori + era),
        strict=True,
    ):
        assert ours is not None
        assert_close(ours, theirs, **TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("head_options", "erasing_options"),
    [
        (dict(classifier="shared"), {}),
        (dict(attention=dict(use_channel=False)), {}),
        (dict(attention=dict(weights=(0.7, 0.2))), {}),
        ({}, dict(region="cross")),
        ({}, dict(erase_channel=True)),
        ({}, dict(era_classes="selected")),
        ({}, dict(topk=9)),
        ({}, dict(alpha=0.9)),
        (dict(loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="mean")), {}),
        (dict(loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="sum")), {}),
        ({"embedder": dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=5,
                           num_layers=0)}, {}),
        ({"embedder": dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=5,
                           num_layers=3, hidden_dims=(7, 6, 5), normalization="row")}, {}),
    ],
)  # fmt: skip
def test_switches(head_options: dict, erasing_options: dict) -> None:
    head, feature = make_head(**head_options), make_input().requires_grad_()
    head.erasing = ObjectErasing(**{"topk": 2, **erasing_options})
    losses = erased_loss(head, feature, targets(torch.float64))
    reduction = head.loss_module.reduction
    _, ori, era = reference_loss(
        head,
        feature,
        targets(torch.float64),
        K=head.erasing.topk,
        alpha=head.erasing.alpha,
        region=head.erasing.region,
        erase_channel=head.erasing.erase_channel,
        era_classes=head.erasing.era_classes,
        reduction=reduction,
    )
    assert_close(losses["loss_ori"], ori)
    assert_close(losses["loss_era"], era)
    for ours, theirs in zip(
        gradients(head, feature, sum(losses.values())),
        gradients(head, feature, ori + era),
        strict=True,
    ):
        assert_close(ours, theirs)


def test_without_spatial_attention() -> None:
    head, feature = make_head(attention=dict(use_spatial=False)), make_input()
    logits, loss = reference_loss(head, feature, targets(torch.float64))
    assert_close(head((feature,)), logits)
    assert_close(erased_loss(head, feature, targets(torch.float64))["loss_ori"], loss)


def test_attention_maps() -> None:
    head, feature = make_head(), make_input()
    maps = head.attend((feature,))
    x = ref_gcn.gcn(
        head.embedder.vectors,
        head.embedder.adjacency,
        [layer.weight.T for layer in head.embedder.layers],
    )
    assert_close(head.embedder(), x)
    weights: CARAttention = head.attention
    spatial = ref_car.spatial_attention(
        feature, x, weights.fsa.weight, weights.fw.weight, weights.fs.weight[0], weights.fs.bias[0]
    )
    channel = ref_car.channel_attention(
        feature, x, weights.fca.weight, weights.fw.weight, weights.fc.weight, weights.fc.bias
    )
    assert_close(maps.spatial.unflatten(2, maps.size), spatial)
    assert_close(maps.channel, channel)


def test_gradcheck() -> None:
    head = make_head(embedder=dict(
        type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=5, word_vectors=None
    ))  # fmt: skip
    head.erasing = ObjectErasing(topk=2)
    feature = make_input(size=(2, 3)).requires_grad_()
    parameters = dict(head.named_parameters())

    def total(feature: Tensor, *values: Tensor) -> Tensor:
        named = dict(zip(parameters, values, strict=True))
        losses = torch.func.functional_call(
            _LossOf(head), {f"head.{k}": v for k, v in named.items()}, (feature,)
        )
        return losses["loss_ori"] + losses["loss_era"]

    values = [p.detach().clone().requires_grad_() for p in parameters.values()]
    assert torch.autograd.gradcheck(total, (feature, *values), atol=1e-6)


class _LossOf(torch.nn.Module):
    """The losses as a forward pass, so that weights can be exchanged."""

    def __init__(self, head: CARHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, feature: Tensor) -> dict[str, Tensor]:
        return erased_loss(self.head, feature, targets(torch.float64))


def test_identity_graph_is_a_linear_layer() -> None:
    embedder = GCNLabelEmbedder(CLASSES, embed_dims=5, num_layers=1, adjacency="identity")
    linear = torch.nn.functional.leaky_relu(embedder.layers[0](embedder.vectors), 0.2)
    assert_close(embedder(), linear)


@pytest.mark.parametrize("kind", ["symmetric", "row", "none"])
def test_normalisation_with_negative_and_zero_degrees(kind: str) -> None:
    torch.manual_seed(0)
    graph = torch.randn(5, 5, dtype=torch.float64)
    graph[2] = 0
    graph[:, 3] = 0
    graph[0] = torch.tensor([1.0, -1, 0, 0, 0])
    assert_close(normalize_adjacency(graph, kind), ref_gcn.normalise(graph, kind))
    graph.requires_grad_()
    normalize_adjacency(graph, kind).square().sum().backward()
    assert graph.grad.isfinite().all()


def test_symmetric_normalisation_never_amplifies() -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        graph = normalize_adjacency(torch.randn(9, 9) ** 3)
        assert torch.linalg.matrix_norm(graph, 2) <= 1 + 1e-6


def test_nothing_erased_gives_twice_the_plain_loss() -> None:
    head, feature = make_head(), make_input()
    head.erasing = ObjectErasing(topk=4, alpha=1.5)
    losses = erased_loss(head, feature, targets(torch.float64))
    assert_close(losses["loss_era"], losses["loss_ori"])


def test_loss_equals_torch_where_all_is_known() -> None:
    torch.manual_seed(0)
    logits, label = torch.randn(3, 4), torch.randint(0, 2, (3, 4)).float()
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    assert_close(MultiLabelBCELoss("mean")(logits, label), bce(logits, label))
    assert_close(MultiLabelBCELoss("sum")(logits, label), bce(logits, label, reduction="sum"))
    assert_close(MultiLabelBCELoss()(logits, label), bce(logits, label) * 4)
