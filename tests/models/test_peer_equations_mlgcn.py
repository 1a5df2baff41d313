"""ML-GCN's parts against slow loops that were written from its paper and code, in fp64."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.apis import load_config
from mmsrdl.datasets import Cooccurrence
from mmsrdl.models import ClassFeatureHead
from mmsrdl.models.embedders import normalize_adjacency, reweighted_adjacency
from mmsrdl.registry import MODELS
from tests.reference import mlgcn as ref

CLASSES = ["cat", "dog", "bus", "tree", "pig"]
EXACT = dict(rtol=1e-10, atol=1e-10)


def labels(seed: int = 0) -> Tensor:
    """Labels of 40 images with every state; nobody has the last class."""
    generator = torch.Generator().manual_seed(seed)
    Y = torch.randint(-1, 2, (40, 5), generator=generator)
    Y[:, 1] = Y[:, 0]  # a pair that is always together
    Y[:, 4] = Y[:, 4].clamp(max=0)
    return Y


def matrix(Y: Tensor) -> Cooccurrence:
    """Counts that take what is unknown for negative, as the paper's do."""
    positive = (Y == 1).long()
    return Cooccurrence.fully_known(positive.T @ positive)


def make_head(threshold: float = 0.4) -> ClassFeatureHead:
    """D = 6, d' = 3, 3-4-6; weights of the layers are drawn large enough to use both slopes."""
    torch.manual_seed(0)
    head = ClassFeatureHead(
        num_classes=5,
        in_channels=6,
        embedder=dict(
            type="mmsrdl.MLGCNLabelEmbedder", classes=CLASSES, embed_dims=3, hidden_dims=(4, 6),
            threshold=threshold,
        ),
        attention=dict(type="mmsrdl.GlobalPooling"),
        classifier=dict(type="mmsrdl.EmbeddingClassifier"),
    ).double()  # fmt: skip
    for layer in head.embedder.layers:
        torch.nn.init.normal_(layer.weight)
    return head


@pytest.mark.parametrize("threshold", [0, 0.2, 0.4, 0.5, 1])
def test_adjacency(threshold: float) -> None:
    M, N = ref.counts(labels())
    counts = matrix(labels())
    assert N[4] == 0
    A = ref.adjacency(M, N, threshold)
    ours = reweighted_adjacency(counts, threshold)
    assert_close(ours, A, **EXACT)
    assert_close(normalize_adjacency(ours, "transposed"), ref.normalise(A), **EXACT)
    assert (A > 0).sum() - 5 in range(2, 17)  # neither none nor all 20


def test_a_pair_on_the_threshold_is_linked() -> None:
    # P(1 | 0) = 0.4, P(0 | 1) = 0.2
    counts = Cooccurrence.fully_known(torch.tensor([[5, 2], [2, 10]]))
    expected = torch.tensor([[1, 0.25 / (1 + 1e-6)], [0, 1]], dtype=torch.float64)
    assert_close(reweighted_adjacency(counts), expected, **EXACT)


@pytest.mark.parametrize("threshold", [0.2, 0.4])
def test_logits_and_gradients(threshold: float) -> None:
    head, Y = make_head(threshold), labels()
    head.embedder.take_counts(matrix(Y), CLASSES)
    F = torch.randn(2, 6, 3, 4, dtype=torch.float64, requires_grad=True)
    A_hat = ref.normalise(ref.adjacency(*ref.counts(Y), threshold))
    Ws = [layer.weight.T for layer in head.embedder.layers]
    X = ref.gcn(head.embedder.vectors, A_hat, Ws)
    assert_close(head.embedder(), X, **EXACT)
    theirs, ours = ref.logits(F, X), head(F)
    assert_close(ours, theirs, **EXACT)
    wanted = [F, head.embedder.vectors, *(layer.weight for layer in head.embedder.layers)]
    direction = torch.randn_like(ours)
    for mine, other in zip(
        torch.autograd.grad((ours * direction).sum(), wanted),
        torch.autograd.grad((theirs * direction).sum(), wanted),
        strict=True,
    ):
        assert_close(mine, other, **EXACT)


def test_what_training_changes_and_a_checkpoint_holds() -> None:
    head = make_head()
    shapes = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    assert shapes == {
        "embedder.vectors": (5, 3),
        "embedder.adjacency": (5, 5),
        "embedder.layers.0.weight": (4, 3),
        "embedder.layers.1.weight": (6, 4),
    }
    learned = {name for name, value in head.named_parameters() if value.requires_grad}
    assert learned == shapes.keys() - {"embedder.adjacency"}  # no word vectors, so learned ones
    head.embedder.init_weights()
    for layer in head.embedder.layers:
        bound = layer.weight.shape[0] ** -0.5
        assert 0.5 * bound < layer.weight.abs().max() <= bound


def test_config_has_the_papers_layers_and_recipe() -> None:
    cfg = load_config("mlgcn_r101_coco")
    head = MODELS.build(cfg.model.head)
    shapes = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    assert shapes == {
        "embedder.vectors": (80, 300),
        "embedder.adjacency": (80, 80),
        "embedder.layers.0.weight": (1024, 300),
        "embedder.layers.1.weight": (2048, 1024),
    }
    assert not head.embedder.vectors.requires_grad
    assert (head.embedder.threshold, head.embedder.neighbor_weight) == (0.4, 0.25)
    assert (head.attention.mode, head.loss_module.reduction) == ("max", "mean")
    wrapper = cfg.optim_wrapper
    optimizer = dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=1e-4)
    assert wrapper.optimizer == optimizer
    assert wrapper.paramwise_cfg.custom_keys.backbone.lr_mult == 0.1
    assert wrapper.clip_grad.max_norm == 10
    assert cfg.param_scheduler is None
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (20, 16)
