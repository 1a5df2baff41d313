"""P-GCN's parts against slow loops that were written from its abstract, in fp64."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.apis import load_config
from mmsrdl.datasets import Cooccurrence
from mmsrdl.models import ClassFeatureHead
from mmsrdl.models.relations import PredictionGCN
from mmsrdl.registry import MODELS
from tests.reference import mlgcn as ref_mlgcn
from tests.reference import pgcn as ref
from tests.reference.car import gmp

EXACT = dict(rtol=1e-10, atol=1e-10)


def counted() -> tuple[Cooccurrence, Tensor]:
    """Counts of 40 images and the reference's normalised graph of them."""
    Y = torch.randint(-1, 2, (40, 4), generator=torch.Generator().manual_seed(0))
    positive = (Y == 1).long()
    counts = Cooccurrence.fully_known(positive.T @ positive)
    return counts, ref_mlgcn.normalise(ref_mlgcn.adjacency(*ref_mlgcn.counts(Y)))


def same_gradients(ours: Tensor, theirs: Tensor, wanted: list[Tensor]) -> None:
    direction = torch.randn_like(ours)
    for mine, other in zip(
        torch.autograd.grad((ours * direction).sum(), wanted),
        torch.autograd.grad((theirs * direction).sum(), wanted),
        strict=True,
    ):
        assert mine.abs().sum() > 0
        assert_close(mine, other, **EXACT)


def test_scores_of_a_map_and_gradients() -> None:
    torch.manual_seed(0)
    head = ClassFeatureHead(
        num_classes=4,
        in_channels=6,
        attention=dict(type="mmsrdl.GlobalPooling"),
        relation=dict(type="mmsrdl.PredictionGCN", hidden_dims=(5, 1)),
        classifier=dict(type="mmsrdl.IdentityClassifier"),
    ).double()
    counts, A_hat = counted()
    relation = head.relation
    relation.take_counts(counts, list("abcd"))
    assert_close(relation.adjacency, A_hat, **EXACT)
    F = torch.randn(2, 6, 3, 4, dtype=torch.float64, requires_grad=True)
    first, last = (layer.weight for layer in relation.layers)
    f = torch.stack([gmp(F_n) for F_n in F])
    theirs = ref.logits(f, relation.weight, A_hat, first.T, last[0])
    ours = head(F)
    assert_close(ours, theirs, **EXACT)
    same_gradients(ours, theirs, [F, relation.weight, first, last])


@pytest.mark.parametrize("decompose", [True, False])
def test_features_of_classes_and_gradients(decompose: bool) -> None:
    torch.manual_seed(0)
    relation = PredictionGCN(4, 6, (5, 3, 2), decompose=decompose).double()
    counts, A_hat = counted()
    relation.take_counts(counts, list("abcd"))
    f = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    U = ref.label_aware_features(f, relation.weight) if decompose else f
    theirs = ref.graph(U, A_hat, [layer.weight.T for layer in relation.layers])
    ours = relation(f, maps=None)
    assert_close(ours, theirs, **EXACT)
    same_gradients(ours, theirs, [f, *relation.parameters()])


def test_config_is_the_reconstruction_in_mlgcns_recipe() -> None:
    cfg, other = load_config("pgcn_r101_coco"), load_config("mlgcn_r101_coco")
    head = MODELS.build(cfg.model.head)
    shapes = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    assert shapes == {
        "relation.adjacency": (80, 80),
        "relation.weight": (80, 2048),
        "relation.layers.0.weight": (1024, 2048),
        "relation.layers.1.weight": (1, 1024),
    }
    for part, bound in (
        (head.relation.weight, 2048**-0.5),
        (head.relation.layers[0].weight, 1024**-0.5),
        (head.relation.layers[1].weight, 1.0),
    ):
        assert 0.9 * bound < part.abs().max() <= bound
    for key in ("optim_wrapper", "param_scheduler", "train_cfg", "train_dataloader"):
        assert cfg[key] == other[key]
    assert cfg.model.head.loss == other.model.head.loss
