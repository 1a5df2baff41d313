"""CLIP's text encoder: the published function of the converted weights."""

import gzip
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.cli import main
from mmsrdl.model_converters import convert_clip
from mmsrdl.models.embedders import (
    CLIPTextEncoder,
    TextEncoder,
    VocabularyEmbedder,
    cached_label_vectors,
)
from mmsrdl.models.embedders.clip_text import read_text_tower
from tests.model_converters.clip_weights import (
    CONTEXT,
    TEXT_WIDTH,
    WORDS,
    make_clip,
    save_archive,
    text_vectors,
)

START, END = WORDS - 2, WORDS - 1


class FakeTokenizer:
    """A token a letter, by its place in the alphabet."""

    vocab_size, sot_token_id, eot_token_id = WORDS, START, END

    def encode(self, text: str) -> list[int]:
        return [ord(letter) % START for letter in text]


def padded(texts: list[str]) -> Tensor:
    """Tokens as OpenAI's code makes them: zeros up to the largest length."""
    rows = torch.zeros(len(texts), CONTEXT, dtype=torch.long)
    for row, text in zip(rows, texts, strict=True):
        tokens = [START, *FakeTokenizer().encode(text), END]
        row[: len(tokens)] = torch.tensor(tokens)
    return rows


@pytest.fixture
def tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "mmsrdl.models.embedders.clip_text.make_tokenizer"
    monkeypatch.setattr(name, lambda vocabulary: FakeTokenizer())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    convert_clip(save_archive(make_clip(), folder / "ViT.pt")).save(folder / "clip.pth")
    return folder / "clip.pth"


TEXTS = ["a dog", "snow", "a red car", "x", "abcdefghij", ""]


def test_vectors_are_those_of_the_published_function(weights: Path, tokenizer: None) -> None:
    """Whatever the length is to which texts are padded."""
    encoder = CLIPTextEncoder(weights)
    assert isinstance(encoder, TextEncoder)
    expected = text_vectors(make_clip(), padded(TEXTS))
    found = encoder.encode(TEXTS)
    assert found.dtype == torch.float32
    assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.std() > 0.1
    assert not found.requires_grad
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(encoder.encode(TEXTS), found)
    assert_close(encoder.encode(TEXTS * 30), found.repeat(30, 1), rtol=1e-4, atol=1e-5)


def test_activation_is_that_of_the_conversion(tmp_path: Path, tokenizer: None) -> None:
    source = save_archive(make_clip(), tmp_path / "ViT.pt")
    made = {}
    for activation in ("quick_gelu", "gelu"):
        convert_clip(source, activation).save(tmp_path / f"{activation}.pth")
        made[activation] = CLIPTextEncoder(tmp_path / f"{activation}.pth").encode(TEXTS)
    difference = (made["quick_gelu"] - made["gelu"]).abs().max()
    assert 1e-4 < difference < 0.5


def test_a_token_does_not_see_later_ones(weights: Path) -> None:
    tower = read_text_tower(weights)
    tokens = torch.tensor([[START, 3, END, 5, 6], [START, 3, END, 0, 0]])
    first, second = tower(tokens)
    assert_close(first, second)


def test_too_long(weights: Path, tokenizer: None) -> None:
    encoder = CLIPTextEncoder(weights)
    encoder.encode(["a" * (CONTEXT - 2)])
    with pytest.raises(ValueError, match=r"'aaaaaaaaaaa' has 13 tokens.*where CLIP takes 12"):
        encoder.encode(["b", "a" * (CONTEXT - 1)])


def test_vocabulary_of_another_model(
    weights: Path, tokenizer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeTokenizer, "vocab_size", 49408)
    with pytest.raises(ValueError, match=r"have a vocabulary of 20 tokens but vocabulary='None' h"):
        CLIPTextEncoder(weights).encode(["a"])


def test_other_files(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"weights='.*nothing.pth' is no file; give"):
        CLIPTextEncoder(tmp_path / "nothing.pth")
    with pytest.raises(FileNotFoundError, match=r"vocabulary='.*nothing.gz' is no file"):
        CLIPTextEncoder(weights, tmp_path / "nothing.gz")
    torch.save({"weight": torch.ones(2)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"holds no text encoder of CLIP.*mmsrdl convert clip"):
        read_text_tower(tmp_path / "a.pth")
    content = torch.load(weights, weights_only=True)
    del content["state_dict"]["text.encoder.layers.1.norm1.bias"]
    torch.save(content, tmp_path / "b.pth")
    with pytest.raises(
        ValueError, match=r"(?s)no text encoder.*Missing key.*layers\.1\.norm1\.bias"
    ):
        read_text_tower(tmp_path / "b.pth")


def test_published_file_in_its_place(tmp_path: Path) -> None:
    source = save_archive(make_clip(), tmp_path / "ViT.pt")
    with pytest.raises(ValueError, match=r"is refused.*mmsrdl convert clip FILE NEW_FILE"):
        read_text_tower(source)


def test_extra_is_named_where_it_is_missing(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip.tokenizer", None)
    with pytest.raises(RuntimeError, match=r"pip install mmsrdl\[openvocab\]"):
        CLIPTextEncoder(weights).encode(["a"])


def test_fingerprint_is_of_the_content(weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / weights.name
    copy.write_bytes(weights.read_bytes())
    assert CLIPTextEncoder(copy).fingerprint == CLIPTextEncoder(weights).fingerprint
    convert_clip(save_archive(make_clip(1), tmp_path / "ViT.pt")).save(copy)
    assert CLIPTextEncoder(copy).fingerprint != CLIPTextEncoder(weights).fingerprint


def test_label_vectors_are_kept_by_name(
    weights: Path, tokenizer: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mean over the prompts, from the command line to the embedder."""
    (tmp_path / "names.txt").write_text("dog\nred_car\n")
    words = ["data", "vectors", str(tmp_path / "names.txt"), "--from", str(weights)]
    words += ["--template", "{}", "a {}"]
    assert main(words) == 0
    assert "2 classes, 24 numbers each, made anew" in capsys.readouterr().out
    path = tmp_path / "label_vectors.npz"
    each = text_vectors(make_clip(), padded(["dog", "a dog", "red car", "a red car"]))
    expected = each.view(2, 2, -1).mean(1)
    with np.load(path) as file:
        assert_close(torch.from_numpy(file["vectors"]), expected, rtol=1e-4, atol=1e-5)
    assert main(words) == 0
    assert "as before" in capsys.readouterr().out
    assert cached_label_vectors(path, ["dog", "red_car"], str(weights), "{}")[1]
    assert main(words) == 0

    text = dict(type="mmsrdl.CLIPTextEncoder", weights=str(weights))
    embedder = VocabularyEmbedder(
        ["red car", "snow", "dog"], 24, word_vectors=path, text=text, prompts=["{}", "a {}"]
    )
    assert_close(embedder()[[2, 0]], expected, rtol=1e-4, atol=1e-5)
    assert not embedder.state_dict()


def needs_tokenizer() -> None:
    if not find_spec("open_clip"):
        pytest.skip("needs the extra [openvocab]")


def test_real_tokenizer(tmp_path: Path) -> None:
    needs_tokenizer()
    state = make_clip()
    torch.manual_seed(2)
    state["token_embedding.weight"] = torch.randn(49408, TEXT_WIDTH)
    convert_clip(save_archive(state, tmp_path / "ViT.pt")).save(tmp_path / "clip.pth")
    encoder = CLIPTextEncoder(tmp_path / "clip.pth")
    published = [49406, 997, 533, 320, 1449, 2368, 530, 518, 3562, 49407]
    tokens = torch.tensor([published + [0] * (CONTEXT - len(published))])
    found = encoder.encode(["There is a black cat in the scene"])
    assert_close(found, text_vectors(state, tokens), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="where CLIP takes 12; shorten it"):
        encoder.encode(["word " * 11])


def test_vocabulary_of_ones_own(tmp_path: Path) -> None:
    needs_tokenizer()
    path = tmp_path / "merges.txt.gz"
    path.write_bytes(gzip.compress(b"#version\nc a\nca t</w>"))
    state = make_clip() | {"token_embedding.weight": torch.randn(516, TEXT_WIDTH)}
    convert_clip(save_archive(state, tmp_path / "ViT.pt")).save(tmp_path / "clip.pth")
    encoder = CLIPTextEncoder(tmp_path / "clip.pth", path)
    tokens = torch.zeros(1, CONTEXT, dtype=torch.long)
    tokens[0, :3] = torch.tensor([514, 513, 515])
    assert_close(encoder.encode(["cat"]), text_vectors(state, tokens), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=re.escape("vocabulary of 516 tokens but vocabulary='N")):
        CLIPTextEncoder(tmp_path / "clip.pth").encode(["cat"])
    path.write_bytes(b"no gzip")
    with pytest.raises(ValueError, match="is no file of byte-pair merges packed by gzip"):
        CLIPTextEncoder(tmp_path / "clip.pth", path).encode(["cat"])
