from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsrdl.datasets import COCO_CATEGORIES, VOC_CATEGORIES
from mmsrdl.models.embedders import load_word_vectors

WORDS = {"cat": [1, 0], "traffic": [0, 2], "light": [2, 0], "airplane": [3, 3], "tv": [1, 1],
         "monitor": [3, 1]}  # fmt: skip
EXPECTED = torch.tensor([[1.0, 1.0], [1, 0], [3, 3], [2, 1]])
NAMES = ["traffic light", "cat", "aeroplane", "tvmonitor"]


@pytest.fixture(params=["text", "npz"])
def vectors(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "text":
        lines = ["the 0.1 0.2", *(f"{w} {v[0]} {v[1]}" for w, v in WORDS.items()), ". . 1"]
        path = tmp_path / "glove.txt"
        path.write_text("\n".join(lines))
    else:
        path = tmp_path / "vectors.npz"
        np.savez(path, names=list(WORDS), vectors=np.array(list(WORDS.values()), np.float32))
    return str(path)


def test_by_name_with_means_and_spellings(vectors: str) -> None:
    assert_close(load_word_vectors(vectors, NAMES), EXPECTED)
    assert_close(load_word_vectors(vectors, NAMES[::-1]), EXPECTED.flip(0))


def test_whole_name_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    np.savez(path, names=["hot", "dog", "hot dog"], vectors=np.eye(3, dtype=np.float32))
    assert_close(load_word_vectors(path, ["hot dog"]), torch.tensor([[0.0, 0, 1]]))


def test_missing_class_is_named(vectors: str) -> None:
    with pytest.raises(ValueError, match="no vector for 'sofa', 'hot dog'"):
        load_word_vectors(vectors, ["cat", "sofa", "hot dog"])


def test_first_of_many_missing_classes_are_named(vectors: str) -> None:
    with pytest.raises(ValueError, match=r"'n9' \(12 of 13 classes; it has .*\['cat'") as info:
        load_word_vectors(vectors, ["cat", *(f"n{i}" for i in range(12))])
    assert "'n10'" not in str(info.value)


def test_missing_file() -> None:
    with pytest.raises(FileNotFoundError, match=r"does not exist.*--word-vectors FILE"):
        load_word_vectors("nowhere.txt", NAMES)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.txt", "cat 1 two\n", "line 1: expected a word and numbers"),
        ("v.txt", "cat 1 2\nlight 1 2 3\n", "line 2: 3 numbers"),
        ("v.txt", "cat 1 nan\n", "line 1: .* got 'cat 1 nan.*not all of them finite; mend"),
        ("v.txt", "the 1 2\ncat -inf 2\n", "line 2: .*not all of them finite"),
        ("v.txt", "cat 1e39 2\n", "line 1: .*not all of them finite"),
        ("v.txt", "cat\n", "line 1: 0 numbers"),
        ("v.npz", "no zip", "not an npz file"),
        ("v.pkl", "cat 1 2", r"neither an .npz file nor text.*can run code.*np.savez\(FILE"),
    ],
)
def test_malformed(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        load_word_vectors(tmp_path / name, ["cat", "traffic light"])


def test_npz_of_wrong_shapes_and_pickles(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", names=["cat"], vectors=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"`names` must be \[M\]"):
        load_word_vectors(tmp_path / "a.npz", ["cat"])
    np.savez(tmp_path / "a.npz", names=["cat"], vectors=[["1", "2"]])
    with pytest.raises(ValueError, match=r"`vectors` numbers \[M, d'\], got \[1\] and <U1"):
        load_word_vectors(tmp_path / "a.npz", ["cat"])
    np.savez(tmp_path / "a.npz", names=["cat", "dog"], vectors=[[1.0, 2], [np.nan, 0]])
    with pytest.raises(ValueError, match=r"NaN or infinite numbers in the vectors of \['dog'\]"):
        load_word_vectors(tmp_path / "a.npz", ["cat"])
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="is not an npz file of plain arrays"):
        load_word_vectors(tmp_path / "a.npz", ["cat"])
    np.savez(tmp_path / "b.npz", names=np.array([{}], object), vectors=np.zeros((1, 3)))
    with pytest.raises(ValueError, match="not an npz file"):
        load_word_vectors(tmp_path / "b.npz", ["cat"])


@pytest.mark.parametrize(
    ("name", "classes"), [("coco80", COCO_CATEGORIES), ("voc20", VOC_CATEGORIES)]
)
def test_genuine_glove(name: str, classes: tuple[str, ...], photographs: Path) -> None:
    path = photographs / "word_vectors" / f"glove_300d_{name}.npz"
    vectors = load_word_vectors(path, classes)
    with np.load(path) as file:
        assert_close(vectors, torch.from_numpy(file["vectors"]).float())
    nearest = torch.nn.functional.normalize(vectors) @ torch.nn.functional.normalize(vectors).T
    nearest.fill_diagonal_(-1)
    assert classes[nearest[classes.index("cat")].argmax()] == "dog"
