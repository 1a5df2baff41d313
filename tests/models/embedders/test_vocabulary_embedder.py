import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models import VocabularyEmbedder
from mmsrdl.models.embedders import LabelVectors, name_vectors
from mmsrdl.registry import MODELS
from tests.models.open_vocabulary import DIMS, HASHED, NAMES, HashEncoder

VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4) - 4


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "vectors.npz"
    LabelVectors(("cat", "traffic_light", "pottedplant"), VECTORS, "encoder", "hash {}").save(path)
    return str(path)


def embedder_of(classes: list[str], **options: Any) -> VocabularyEmbedder:
    return VocabularyEmbedder(classes, options.pop("embed_dims", DIMS), **options)


def test_vectors_of_a_file_by_name(file: str) -> None:
    embedder = embedder_of(["traffic light", "cat"], embed_dims=4, word_vectors=file)
    assert embedder.num_classes == 2
    assert embedder.out_dims == 4
    embedder.init_weights()
    assert_close(embedder(), torch.from_numpy(VECTORS[[1, 0]]))
    embedder.set_vocabulary(["potted plant"])
    assert embedder.classes == ("potted plant",)
    assert_close(embedder(), torch.from_numpy(VECTORS[[2]]))
    assert not embedder.state_dict()
    assert not list(embedder.parameters())


def test_encoder_is_asked_once_a_name_and_for_all_prompts() -> None:
    embedder = embedder_of(["red_car", "cat"], text=HASHED, prompts=["a {}", "the {}"])
    encoder: Any = embedder.source.encoder
    assert not encoder.asked
    first = embedder()
    assert encoder.asked == ["a red car", "the red car", "a cat", "the cat"]
    expected = HashEncoder().encode(encoder.asked).view(2, 2, DIMS).mean(1)
    assert_close(first, expected)
    embedder.set_vocabulary(["cat", "dog"])
    assert encoder.asked[4:] == ["a dog", "the dog"]
    assert_close(embedder()[0], expected[1])


def test_names_without_end_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_vectors, "KEPT_NAMES", 3)
    source = name_vectors.NameVectors(None, HASHED, ["{}"])
    first = source.of(["a", "b"])
    many = source.of([f"n{i}" for i in range(5)])
    assert len(many) == 5
    assert list(source._encoded) == ["n2", "n3", "n4"]
    assert_close(source.of(["a", "b"]), first)
    assert_close(source.of(["n4"]), many[[4]])


def test_encoder_only_for_what_the_file_lacks(file: str) -> None:
    text = dict(type="mmsrdl.HashEncoder", dims=4)
    embedder = embedder_of(
        ["dog", "cat"], embed_dims=4, word_vectors=file, text=text, prompts=["{}"]
    )
    dog, cat = embedder()
    assert_close(cat, torch.from_numpy(VECTORS[0]))
    assert_close(dog, HashEncoder(4).encode(["dog"])[0])
    assert embedder.source.encoder.asked == ["dog"]  # type: ignore[attr-defined]


def test_encoder_that_did_not_make_the_file(file: str) -> None:
    text = dict(type="mmsrdl.HashEncoder", dims=4, fingerprint="another")
    options = dict(embed_dims=4, word_vectors=file, text=text, prompts=["{}"])
    assert embedder_of(["cat"], **options)().shape == (1, 4)  # which needs no encoder
    with pytest.raises(ValueError, match=r"were not made with text=.*write the file again with th"):
        embedder_of(["dog"], **options)()
    with pytest.raises(ValueError, match="were not made with"):
        embedder_of(
            ["dog"], embed_dims=4, word_vectors=file, text={**text, "fingerprint": "hash"}
        )()


def test_unit_vectors(file: str) -> None:
    embedder = embedder_of(["cat", "pottedplant"], embed_dims=4, word_vectors=file, normalise=True)
    assert_close(embedder().norm(dim=1), torch.ones(2))


def test_names_without_vectors_change_nothing(file: str) -> None:
    embedder = embedder_of(["cat"], embed_dims=4, word_vectors=file)
    message = r"has no vector for 'cats', 'traffic' \(2 of 3 names\); nearest: 'cat'. Add them with"
    with pytest.raises(ValueError, match=message):
        embedder.set_vocabulary(["cats", "cat", "traffic"])
    assert embedder.classes == ("cat",)
    assert_close(embedder(), torch.from_numpy(VECTORS[[0]]))


def test_vectors_follow_the_module_and_a_copy_shares_the_encoder() -> None:
    embedder = embedder_of(list(NAMES), text=HASHED).double()
    assert embedder().dtype == torch.float64
    embedder.set_vocabulary(["new"])
    assert embedder().dtype == torch.float64
    twin = copy.deepcopy(embedder)
    twin.set_vocabulary(["other"])
    assert twin.source.encoder is embedder.source.encoder
    assert embedder.classes == ("new",)


def test_vectors_looked_up_in_inference_mode_can_be_trained_with() -> None:
    embedder = embedder_of(list(NAMES), text=HASHED)
    with torch.inference_mode():
        embedder()
    embedder.double()
    with torch.inference_mode():
        embedder()
    weight = torch.ones(DIMS, dtype=torch.float64, requires_grad=True)
    (embedder() * weight).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            dict(text=None),
            ValueError,
            "word_vectors=None and text=None: names have no vectors; give",
        ),
        (dict(prompts="a {}"), TypeError, r"prompts='a \{\}' must be a list of at least one text"),
        (dict(prompts=[]), TypeError, r"prompts=\[\] must be a list"),
        (
            dict(prompts=["a photo"]),
            ValueError,
            r"an entry of prompts='a photo' must hold \{\} once",
        ),
        (dict(embed_dims=0), ValueError, "embed_dims=0 must be at least 1"),
        (dict(classes=["a", "a"]), ValueError, "none twice; twice: 'a'"),
        (dict(classes=["a b", "a_b"]), ValueError, "'a b' and 'a_b', which are both spelled 'a b'"),
        (dict(classes=["a", " "]), ValueError, "holds the name ' ', which is blank"),
        (dict(classes=[]), ValueError, "at least one name"),
    ],
)
def test_errors(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        embedder_of(**{"classes": ["a"], "text": HASHED, **options})


def test_errors_of_the_lookup(file: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="have 4 dimensions but embed_dims=6; set embed_dims=4"):
        embedder_of(["cat"], word_vectors=file)()
    with pytest.raises(FileNotFoundError, match=r"word_vectors='.*none.npz' does not exist"):
        embedder_of(["cat"], word_vectors=tmp_path / "none.npz")()
    broken = tmp_path / "broken.npz"
    np.savez(broken, names=np.array(["cat"]), vectors=np.array([[np.nan, 1]]))
    with pytest.raises(ValueError, match=r"numbers \[M, d'\], got \[1\] and float64 \[1, 2\]"):
        embedder_of(["cat"], word_vectors=broken)()
    with pytest.raises(TypeError, match="a Linear is no text encoder; use one with encode"):
        embedder_of(["cat"], text=dict(type="mmsrdl.NoEncoder"))()


@MODELS.register_module(force=True)
class NoEncoder(torch.nn.Linear):
    def __new__(cls) -> Any:
        return torch.nn.Linear(1, 1)
