import copy
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from mmsrdl.datasets import Cooccurrence, save_cooccurrence
from mmsrdl.models.embedders import GCNLabelEmbedder
from mmsrdl.models.label_graph import CooccurrenceGraph

NAMES = ["a", "b", "c"]
COUNTS = Cooccurrence.fully_known(torch.tensor([[4, 1, 0], [1, 2, 0], [0, 0, 0]]))
PROBABILITY = torch.tensor([[1, 0.25, 0], [0.5, 1, 0], [0, 0, 0]])


class Graph(CooccurrenceGraph):
    """The least that a part does."""

    def __init__(
        self, num_classes: int = 3, classes: object = None, cooccurrence: str | None = None
    ) -> None:
        super().__init__()
        self.register_buffer("adjacency", self.await_counts(num_classes, classes, cooccurrence))


def test_counts_are_taken_by_name() -> None:
    graph = Graph(3, ["b", "c", "a"])
    graph.take_counts(COUNTS, NAMES)
    order = [1, 2, 0]
    assert_close(graph.graph(), PROBABILITY[order][:, order])
    part = Graph(2, ["b", "a"])
    part.take_counts(COUNTS, NAMES)
    assert_close(part.graph(), torch.tensor([[1, 0.5], [0.25, 1]]))


def test_without_names_the_order_is_the_training_sets() -> None:
    graph = Graph()
    graph.take_counts(COUNTS, NAMES)
    assert_close(graph.graph(), PROBABILITY)


def test_a_graph_that_was_never_made() -> None:
    message = r"label graph of Graph was never made of label counts: train with default_hooks=dict"
    with pytest.raises(RuntimeError, match=message):
        Graph().graph()
    with pytest.raises(RuntimeError, match=r"never made of label counts: call model.init_weights"):
        Graph(3, NAMES, "nowhere.npz").graph()
    embedder = GCNLabelEmbedder(NAMES, embed_dims=4, adjacency="cooccurrence")
    with pytest.raises(RuntimeError, match=r"label graph of GCNLabelEmbedder was never made"):
        embedder()
    embedder.init_weights()
    assert embedder.wants_counts
    embedder.take_counts(COUNTS, NAMES)
    assert_close(embedder.adjacency.data, PROBABILITY)
    assert embedder().isfinite().all()


def test_a_checkpoint_brings_the_graph() -> None:
    graph = Graph()
    graph.take_counts(COUNTS, NAMES)
    other, copied = Graph(3, NAMES, "nowhere.npz"), copy.deepcopy(graph)
    other.load_state_dict(graph.state_dict())
    assert_close(other.graph(), PROBABILITY)
    assert_close(copied.graph(), PROBABILITY)
    assert list(graph.state_dict()) == ["adjacency"]


def test_a_file_is_read_on_initialisation(tmp_path: Path) -> None:
    path = str(tmp_path / "counts.npz")
    save_cooccurrence(path, NAMES, COUNTS)
    graph = Graph(2, ["b", "a"], path)
    assert not graph.wants_counts
    graph.init_weights()
    assert_close(graph.graph(), torch.tensor([[1, 0.5], [0.25, 1]]))


def test_only_a_graph_of_counts_wants_them() -> None:
    assert not GCNLabelEmbedder(NAMES, embed_dims=4).wants_counts
    assert not GCNLabelEmbedder(NAMES, num_layers=0, adjacency="cooccurrence").wants_counts


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"cooccurrence='f.npz' is looked up by class name; give"):
        Graph(3, None, "f.npz")
    with pytest.raises(ValueError, match=r"classes has 20 names but num_classes=3; give Graph"):
        Graph(3, "voc")
    with pytest.raises(ValueError, match=r"training set has no counts of the classes \['d'\]"):
        Graph(3, ["a", "b", "d"]).take_counts(COUNTS, NAMES)
    with pytest.raises(ValueError, match=r"graph \[2, 2\] but the counts are \[3, 3\]"):
        Graph(2).take_counts(COUNTS, NAMES)
