from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models import AutoencoderLabelEmbedder

CLASSES = ["cat", "dog", "bus"]


def make(**options: object) -> AutoencoderLabelEmbedder:
    torch.manual_seed(0)
    return AutoencoderLabelEmbedder(
        CLASSES, **{"embed_dims": 6, "hidden_dims": 32, "out_dims": 16, **options}
    )


def test_is_an_autoencoder_with_tied_weights() -> None:
    embedder = make()
    assert {name: tuple(p.shape) for name, p in embedder.named_parameters()} == {
        "vectors": (3, 6),
        "w1": (6, 32),
        "w2": (32, 16),
    }
    codes = embedder()
    assert codes.shape == (3, embedder.out_dims) == (3, 16)
    assert embedder.reconstruct(codes).shape == (3, 6)


def test_vectors_stay_as_they_are() -> None:
    embedder = make()
    embedder.similarity(embedder()).backward()
    assert not embedder.vectors.requires_grad
    assert embedder.vectors.grad is None
    assert embedder.w1.grad.abs().sum() > 0
    before = embedder.vectors.clone()
    embedder.init_weights()
    assert_close(embedder.vectors, before)


def test_reads_vectors_by_name(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    file = tmp_path / "vectors.npz"
    np.savez(file, names=["bus", "cat", "dog"], vectors=vectors)
    embedder = make(word_vectors=str(file))
    with pytest.raises(RuntimeError, match="never read"):
        embedder()
    embedder.init_weights()
    assert_close(embedder.vectors.detach().numpy(), vectors[[1, 2, 0]])
    other = make(word_vectors="elsewhere.npz")  # from a checkpoint without the file
    other.load_state_dict(embedder.state_dict())
    assert_close(other(), embedder())
    with pytest.raises(ValueError, match="set embed_dims=6"):
        make(word_vectors=str(file), embed_dims=5).init_weights()


def test_begins_with_a_positive_similarity() -> None:
    """About 0.75 at DSDL's sizes, where the loss can be divided by it."""
    torch.manual_seed(0)
    embedder = AutoencoderLabelEmbedder("voc")
    embedder.init_weights()
    with torch.no_grad():
        assert 0.7 < embedder.similarity(embedder()) < 0.8


def test_descent_on_the_similarity_reconstructs() -> None:
    embedder = make()
    optimizer = torch.optim.SGD([embedder.w1, embedder.w2], lr=0.5)
    before = embedder.similarity(embedder()).item()
    for _ in range(50):
        optimizer.zero_grad()
        (1 - embedder.similarity(embedder())).backward()
        optimizer.step()
    assert embedder.similarity(embedder()).item() > max(before, 0.95)


def test_a_division_by_a_negative_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        AutoencoderLabelEmbedder, "similarity", lambda self, codes: torch.tensor(-0.1)
    )
    make(objective="add").init_weights()
    with pytest.raises(ValueError, match=r"begins at -0\.100 and must be positive"):
        make().init_weights()


def test_is_not_computed_in_half_precision() -> None:
    embedder = make()
    codes = embedder()
    similarity = embedder.similarity(codes)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_close(embedder(), codes, rtol=0, atol=0)
        assert_close(embedder.similarity(codes), similarity, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (dict(hidden_dims=0), ValueError, "hidden_dims=0"),
        (dict(out_dims=1.5), TypeError, "out_dims=1.5"),
        (dict(negative_slope=-1), ValueError, "negative_slope=-1"),
        (dict(objective="multiply"), ValueError, "objective='multiply'"),
    ],
)
def test_bad_options(options: dict, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make(**options)
