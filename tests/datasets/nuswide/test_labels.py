from pathlib import Path

import numpy as np
import pytest

from mmsrdl.datasets.nuswide import LabeledImages, NUSWIDELabels


def labels(seen: int = 9, unseen: int = 2) -> NUSWIDELabels:
    rng = np.random.default_rng(0)
    splits = {
        split: LabeledImages(
            tuple(f"é/{split}{i}.jpg" for i in range(n)), rng.random((n, seen + unseen)) < 0.3
        )
        for split, n in (("train", 5), ("test", 3))
    }
    names = [f"name {i}" for i in range(seen + unseen)]
    return NUSWIDELabels(tuple(names[:seen]), tuple(names[seen:]), splits)


@pytest.mark.parametrize(("seen", "unseen"), [(9, 2), (7, 1), (0, 3)])
def test_round_trip(seen: int, unseen: int, tmp_path: Path) -> None:
    before = labels(seen, unseen)
    before.save(tmp_path / "new/a.npz")
    after = NUSWIDELabels.load(tmp_path / "new/a.npz")
    assert (after.seen, after.unseen) == (before.seen, before.unseen)
    for split in ("train", "test"):
        assert after.splits[split].images == before.splits[split].images
        assert np.array_equal(after.splits[split].labels, before.splits[split].labels)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.npz"]
    assert list(NUSWIDELabels.load(tmp_path / "new/a.npz", ("test",)).splits) == ["test"]


def test_sizes_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"labels \[2, 3\] must have a row for each of 1 images"):
        LabeledImages(("a",), np.zeros((2, 3), dtype=bool))
    with pytest.raises(ValueError, match=r"labels of train \[1, 3\].*each of 1 seen and 1 unseen"):
        NUSWIDELabels(("a",), ("b",), {"train": LabeledImages(("a",), np.zeros((1, 3)))})
    with pytest.raises(ValueError, match=r"a.txt' must end in .npz"):
        labels().save(tmp_path / "a.txt")


@pytest.mark.parametrize("damage", ["images", "labels", "type", "missing"])
def test_other_files(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    labels().save(path)
    with np.load(path) as file:
        arrays = dict(file)
    if damage == "images":
        arrays["test_images"] = arrays["test_images"][:1]
    elif damage == "labels":
        arrays["test_labels"] = arrays["test_labels"][:, :1]
    elif damage == "type":
        arrays["test_labels"] = arrays["test_labels"].astype(np.float32)
    else:
        del arrays["test_labels"]
    np.savez(path, **arrays)
    reason = "must hold 'seen'" if damage == "missing" else "no file of `mmsrdl data nuswide`"
    with pytest.raises(ValueError, match=reason):
        NUSWIDELabels.load(path)
    assert NUSWIDELabels.load(path, ("train",)).splits["train"].labels.shape == (5, 11)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", seen=np.array([object()]), unseen=np.array(["a"]))
    with pytest.raises(ValueError, match="can run code and are never read"):
        NUSWIDELabels.load(tmp_path / "a.npz", ())
