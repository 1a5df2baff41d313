from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from mmsrdl.datasets import Cooccurrence, save_cooccurrence
from mmsrdl.models.embedders import MLGCNLabelEmbedder, normalize_adjacency, reweighted_adjacency

NAMES = ["a", "b", "c"]
COUNTS = Cooccurrence.fully_known(torch.tensor([[4, 2, 0], [2, 4, 1], [0, 1, 2]]))


def test_defaults_are_the_papers() -> None:
    embedder = MLGCNLabelEmbedder("coco")
    assert [tuple(layer.weight.shape) for layer in embedder.layers] == [(1024, 300), (2048, 1024)]
    assert all(layer.bias is None for layer in embedder.layers)
    assert not embedder.adjacency.requires_grad
    assert (embedder.threshold, embedder.neighbor_weight) == (0.4, 0.25)
    assert embedder.out_dims == 2048


def test_a_file_and_counts_give_the_same(tmp_path: Path, word_vectors: str) -> None:
    path = str(tmp_path / "counts.npz")
    save_cooccurrence(path, NAMES, COUNTS)
    options = dict(embed_dims=4, hidden_dims=(5, 6))
    read = MLGCNLabelEmbedder(["c", "a", "b"], cooccurrence=path, **options)
    read.init_weights()
    counted = MLGCNLabelEmbedder(["c", "a", "b"], **options)
    counted.take_counts(COUNTS, NAMES)
    order = [2, 0, 1]
    expected = reweighted_adjacency(COUNTS)[order][:, order].float()
    assert_close(read.adjacency.data, expected)
    assert_close(counted.adjacency.data, expected)


def test_switches() -> None:
    learned = MLGCNLabelEmbedder(NAMES, hidden_dims=(5,), learn_adjacency=True)
    assert learned.adjacency.requires_grad
    sparse = MLGCNLabelEmbedder(NAMES, hidden_dims=(5,), threshold=0.6, neighbor_weight=1)
    sparse.take_counts(COUNTS, NAMES)
    assert_close(sparse.adjacency.data, torch.eye(3))
    alone = MLGCNLabelEmbedder(NAMES, hidden_dims=(5,), adjacency="identity")
    assert not alone.wants_counts
    assert_close(alone(), alone.layers[0](alone.vectors))


def test_transposed_normalisation() -> None:
    graph = torch.tensor([[1.0, 3], [0, 0]])
    # r = (4, 0), and a zero degree counts as 1.
    assert_close(normalize_adjacency(graph, "transposed"), torch.tensor([[0.25, 0], [1.5, 0]]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(threshold=-0.1), r"threshold=-0.1 must be a number in \[0, 1\], such as 0.4"),
        (dict(neighbor_weight=float("nan")), "neighbor_weight=nan must be a finite number"),
        (dict(hidden_dims=(4, 0)), "an entry of hidden_dims=0 must be at least 1"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLGCNLabelEmbedder(NAMES, **options)


def test_one_size_for_all_layers_is_refused() -> None:
    with pytest.raises(TypeError, match="hidden_dims=1024 must hold one size a layer"):
        MLGCNLabelEmbedder(NAMES, hidden_dims=1024)
