from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from mmsrdl.datasets import VOC_CATEGORIES, Cooccurrence, save_cooccurrence
from mmsrdl.models.embedders import GCNLabelEmbedder, init_adjacency, load_word_vectors


def test_vectors_are_read_on_initialisation_and_kept_in_the_state_dict(word_vectors: str) -> None:
    embedder = GCNLabelEmbedder("voc", word_vectors)
    with pytest.raises(RuntimeError, match=r"never read: call model.init_weights\(\)"):
        embedder()
    embedder.init_weights()
    assert_close(embedder.vectors.data, load_word_vectors(word_vectors, VOC_CATEGORIES))
    assert not embedder.vectors.requires_grad
    assert embedder().shape == (20, 300)
    # A checkpoint serves where the file is not at hand.
    other = GCNLabelEmbedder("voc", "nowhere.txt")
    other.load_state_dict(embedder.state_dict())
    assert_close(other(), embedder())


def test_missing_vectors_stop_the_initialisation() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere.txt.*does not exist"):
        GCNLabelEmbedder("voc", "nowhere.txt").init_weights()


def test_learned_from_nothing() -> None:
    embedder = GCNLabelEmbedder(["a", "b"], embed_dims=4)
    embedder().sum().backward()
    assert embedder.vectors.grad.abs().sum() > 0
    assert embedder.adjacency.grad.abs().sum() > 0


def test_switches(word_vectors: str) -> None:
    assert GCNLabelEmbedder("voc", word_vectors, learn_vectors=True).vectors.requires_grad
    assert not GCNLabelEmbedder("voc", learn_adjacency=False).adjacency.requires_grad
    assert GCNLabelEmbedder("voc", num_layers=1, hidden_dims=[8])().shape == (20, 8)
    plain = GCNLabelEmbedder("voc", embed_dims=7, num_layers=0)
    assert plain.adjacency is None
    assert plain.out_dims == 7
    assert_close(plain(), plain.vectors)


def test_initial_adjacency() -> None:
    torch.manual_seed(0)
    random = init_adjacency("random", 20)
    assert random.min() < 0 < random.max()
    assert_close(init_adjacency("identity", 3), torch.eye(3))
    with pytest.raises(ValueError, match="adjacency='full' is unknown; use 'random' or"):
        init_adjacency("full", 3)


def test_graph_of_a_file(tmp_path: Path) -> None:
    counts = Cooccurrence.fully_known(torch.tensor([[4, 1, 0], [1, 2, 0], [0, 0, 0]]))
    expected = torch.tensor([[1, 0.25, 0], [0.5, 1, 0], [0, 0, 0]])
    path = tmp_path / "counts.npz"
    save_cooccurrence(path, ["a", "b", "c"], counts)
    # Looked up by name, whatever the order.
    embedder = GCNLabelEmbedder(
        ["b", "c", "a"], embed_dims=4, adjacency="cooccurrence", cooccurrence=str(path)
    )
    embedder.init_weights()
    order = [1, 2, 0]
    assert_close(embedder.adjacency.data, expected[order][:, order])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(classes="imagenet"), "classes='imagenet' is no known list"),
        (dict(classes=["a", "b", "a"]), "none twice; twice: 'a'"),
        (dict(classes=[]), "at least one name"),
        (dict(adjacency="full"), "adjacency='full' is unknown"),
        (
            dict(cooccurrence="a.npz"),
            "'a.npz' has no effect with adjacency='random' and num_layers=2",
        ),
        (
            dict(cooccurrence="a.npz", adjacency="cooccurrence", num_layers=0),
            "'a.npz' has no effect .* num_layers=0; set adjacency='cooccurrence', or drop it",
        ),
        (dict(normalization="softmax"), "normalization='softmax' is unknown"),
        (dict(hidden_dims=[4, 4, 4]), "has 3 layers but num_layers=2"),
        (dict(hidden_dims=[4, 0]), "an entry of hidden_dims=0 must be at least 1"),
        (dict(adjacency="full", num_layers=0), "adjacency='full' is unknown; use one of"),
        (dict(num_layers=-1), "num_layers=-1 must be at least 0, such as 2"),
        (dict(embed_dims=0), "embed_dims=0 must be at least 1, such as 300"),
        (dict(negative_slope=float("nan")), "negative_slope=nan must be a finite number"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GCNLabelEmbedder(**{"classes": ["a", "b"], **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(num_layers=1.5), "num_layers=1.5 must be an integer of at least 0"),
        (dict(embed_dims="300"), "embed_dims='300' must be an integer of at least 1"),
        (dict(hidden_dims=4), "hidden_dims=4 must hold one size a layer"),
        (dict(classes=3), "classes=3 must be a sequence of class names"),
        (dict(classes=["a", 2]), "must be class names"),
    ],
)
def test_wrong_types(options: dict, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        GCNLabelEmbedder(**{"classes": ["a", "b"], **options})


def test_graph_of_other_classes(tmp_path: Path) -> None:
    path = str(tmp_path / "counts.npz")
    save_cooccurrence(path, ["a", "b"], Cooccurrence.fully_known(torch.eye(2).long()))
    graph = dict(adjacency="cooccurrence", cooccurrence=path, embed_dims=4)
    with pytest.raises(ValueError, match=r"counts.npz' has no counts of the classes \['c'\]; it"):
        GCNLabelEmbedder(["a", "c"], **graph).init_weights()


def test_initialisation_is_seen_by_version_counters(word_vectors: str, tmp_path: Path) -> None:
    path = str(tmp_path / "counts.npz")
    save_cooccurrence(path, VOC_CATEGORIES, Cooccurrence.fully_known(torch.eye(20).long()))
    graph = dict(adjacency="cooccurrence", cooccurrence=path)
    embedder = GCNLabelEmbedder("voc", word_vectors, learn_vectors=True, **graph)
    written = (embedder.vectors, embedder.adjacency)
    before = [parameter._version for parameter in written]
    embedder.init_weights()
    assert all(p._version > v for p, v in zip(written, before, strict=True))
    assert all(p.requires_grad and p.is_leaf for p in written)


def test_vectors_of_another_size(word_vectors: str) -> None:
    with pytest.raises(ValueError, match=r"300 dimensions but embed_dims=64; set embed_dims=300"):
        GCNLabelEmbedder("voc", word_vectors, embed_dims=64).init_weights()
