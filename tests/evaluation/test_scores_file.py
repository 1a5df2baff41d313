from pathlib import Path

import numpy as np
import pytest
import torch

from mmsrdl.evaluation import ScoresFile


def scores_file(**changes) -> ScoresFile:
    parts = {
        "names": ("cat", "dog"),
        "scores": torch.tensor([[0.1, 0.9], [0.5, 0.25], [1.0, 0.0]]),
        "targets": torch.tensor([[0, 1], [-1, 0], [1, 0]], dtype=torch.int8),
        "sample_idx": torch.tensor([0, 1, 2]),
        "img_path": ("a.jpg", "ü/b.jpg", ""),
    }
    return ScoresFile(**{**parts, **changes})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("paths", [("a.jpg", "ü/b.jpg", ""), ()])
def test_comes_back(tmp_path: Path, dtype: torch.dtype, paths: tuple[str, ...]) -> None:
    given = scores_file(scores=torch.rand(3, 2, dtype=dtype), img_path=paths)
    given.save(tmp_path / "new" / "scores.npz")
    read = ScoresFile.load(tmp_path / "new" / "scores.npz")
    assert read.names == given.names
    assert read.img_path == paths
    assert read.scores.dtype == dtype
    assert torch.equal(read.scores, given.scores)
    assert read.targets.dtype == torch.int8
    assert torch.equal(read.targets, given.targets)
    assert read.sample_idx.tolist() == [0, 1, 2]


def test_paths_that_are_all_empty_are_not_written(tmp_path: Path) -> None:
    scores_file(img_path=("", "", "")).save(tmp_path / "scores.npz")
    assert ScoresFile.load(tmp_path / "scores.npz").img_path == ()


def test_difficult_entries(tmp_path: Path) -> None:
    marked = torch.tensor([[False, False], [True, False], [False, False]])
    scores_file(difficult=marked).save(tmp_path / "marked.npz")
    read = ScoresFile.load(tmp_path / "marked.npz")
    assert torch.equal(read.difficult, marked)
    assert read.rows(torch.tensor([1])).difficult.tolist() == [[True, False]]
    # A file of an earlier version, and one without any, have no such array.
    scores_file(difficult=torch.zeros_like(marked)).save(tmp_path / "none.npz")
    assert "difficult" not in np.load(tmp_path / "none.npz").files
    assert ScoresFile.load(tmp_path / "none.npz").difficult is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"difficult": torch.zeros(3, 2)}, r"difficult must be bool of the shape \[3, 2\], got"),
        ({"difficult": torch.zeros(2, 2).bool()}, r"got torch.bool \[2, 2\]"),
        ({"difficult": torch.ones(3, 2).bool()}, "whose target is -1 alone"),
        ({"names": ("cat",)}, "names has 1 names for 2 classes"),
        ({"names": ("cat", "cat")}, "names must be distinct, got cat more than once"),
        ({"scores": torch.zeros(2, 2)}, r"both have the shape \[N, C\]"),
        ({"scores": torch.zeros(3, 2, dtype=torch.int64)}, "floating-point numbers, got torch.int"),
        ({"scores": torch.full((3, 2), torch.nan)}, "scores holds NaN"),
        ({"targets": torch.full((3, 2), 2)}, r"must be 1 \(positive\).* got 2"),
        ({"sample_idx": torch.arange(4)}, r"sample_idx must have the shape \[3\], got \[4\]"),
        ({"img_path": ("a.jpg",)}, "img_path has 1 paths for 3 images"),
    ],
)
def test_parts_that_do_not_fit(changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scores_file(**changes)


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"scores='.*none.npz' does not exist"):
        ScoresFile.load(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"scores='a.txt' must end with .npz"):
        scores_file().save("a.txt")
    np.savez(tmp_path / "a.npz", names=np.array(["a"]))
    with pytest.raises(ValueError, match=r"must hold 'names' and 'scores' and .*got \['names'\]"):
        ScoresFile.load(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(b"no npz")
    with pytest.raises(ValueError, match=r"b.npz' is not an npz file .*: it is another kind of"):
        ScoresFile.load(tmp_path / "b.npz")
    one = np.zeros((2, 1), np.float32)
    np.savez(tmp_path / "c.npz", names=["a", "b"], scores=one, targets=one, sample_idx=[0, 1])
    with pytest.raises(ValueError, match=r"c.npz' is no file of `mmsrdl test --out`: names has 2"):
        ScoresFile.load(tmp_path / "c.npz")


@pytest.mark.parametrize(
    "changes",
    [{"targets": 257}, {"targets": 0.5}, {"targets": np.nan}, {"targets": "1"}, {"scores": 1j}],
)
def test_numbers_are_not_rounded_into_labels(changes: dict, tmp_path: Path) -> None:
    arrays = dict(names=["a"], scores=0.5, targets=1, sample_idx=[0, 1]) | changes
    for key in ("scores", "targets"):
        arrays[key] = np.full((2, 1), arrays[key])
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=r"a.npz' is no file .*targets 1, 0 or -1"):
        ScoresFile.load(tmp_path / "a.npz")


def test_scores_by_name() -> None:
    paths = ("data/train/a.jpg", "data/val/a.jpg", "data\\val\\b.jpg")
    file = scores_file(img_path=paths)
    found = file.scores_of(["val/b.jpg", "train/a.jpg"], ["dog", "cat"])
    assert found.tolist() == file.scores[[2, 0]][:, [1, 0]].tolist()
    assert torch.equal(file.scores_of(paths, ["cat"]), file.scores[:, :1])
    assert file.scores_of(["b.jpg"], ["cat"]).tolist() == [[1.0]]
    with pytest.raises(ValueError, match=r"2 images whose path ends with 'a.jpg'; score every"):
        file.scores_of(["a.jpg"], ["cat"])
    with pytest.raises(ValueError, match=r"no image 'test/a.jpg' \(1 of 2 missing\)"):
        file.scores_of(["val/a.jpg", "test/a.jpg"], ["cat"])
    with pytest.raises(ValueError, match=r"no class 'cow' \(1 of 2 missing\)"):
        file.scores_of(["val/a.jpg"], ["cat", "cow"])
