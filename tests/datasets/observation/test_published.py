import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsrdl.datasets import Observation, ObservedDataset
from mmsrdl.datasets.observation import read_published
from mmsrdl.datasets.observation.observation import source_of
from tests.datasets.observation.conftest import CLASSES, IMAGES, LABELS

FILES = ("formatted_train_labels_obs.npy", "formatted_train_images.npy")
OBSERVED = np.array([[0, 1, 0], [0, 0, 1]], float)  # floats, as the public code writes them


def publish(folder: Path, observed: Any = OBSERVED, images: Any = IMAGES) -> tuple[str, str]:
    paths = tuple(str(folder / name) for name in FILES)
    np.save(paths[0], observed)
    np.save(paths[1], images)
    return paths


def read(paths: tuple[str, str], **options: Any) -> Observation:
    arguments = dict(labels=np.array(LABELS), images=IMAGES, classes=CLASSES)
    return read_published(*paths, **{**arguments, **options})


@pytest.mark.parametrize("folder", ["", "train2014/"])
def test_known_labels_are_those_of_the_files(tmp_path: Path, folder: str) -> None:
    found = read(publish(tmp_path, images=np.array([folder + name for name in IMAGES])))
    assert found.known.tolist() == (OBSERVED != 0).tolist()
    assert (found.images, found.classes) == (IMAGES, CLASSES)
    assert found.settings == {"keep": "published", "file": FILES[0]}
    assert found.source == source_of(LABELS, IMAGES, CLASSES)


def test_rows_go_by_image_and_columns_by_class(tmp_path: Path) -> None:
    observed = np.array([[1, 0, 0], [1, -1, 0], [0, 0, 1]])  # dog bird cat
    paths = publish(tmp_path, observed, ["other.jpg", IMAGES[1], IMAGES[0]])
    found = read(paths, columns=["dog", "bird", "cat"])
    assert found.known.astype(int).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_the_observation_goes_into_a_data_set(two_images: dict, tmp_path: Path) -> None:
    read(publish(tmp_path)).save(tmp_path / "known.npz")
    dataset = ObservedDataset(two_images, file=str(tmp_path / "known.npz"))
    assert dataset.known_labels.tolist() == [[-1, 1, -1], [-1, -1, 1]]


@pytest.mark.parametrize(
    ("observed", "message"),
    [
        ([[0, 0, 1], [0, 0, 0]], "'dog' of image '2008_000008.jpg' is positive there and -1 here"),
        ([[0, 0, -1], [0, 0, 0]], "'dog' of image '2008_000008.jpg' is negative there and -1"),
        ([[0, 0, 0], [1, 0, 0]], "1 of 1 known .* 'bird' of image '2008_000015.jpg' is positive"),
        ([[1, 0, 0], [0, -1, 0]], "1 of 2 known .* 'cat' .* is negative there and 1 here"),
        ([[2, 0, 0], [0, 0, 0]], r"labels_obs.npy' holds \[2\]; labels are 1 known positive"),
        ([[0.5, 0, 0], [0, 0, 0]], r"holds \[0.5\]"),
        ([[1, 0], [0, 0]], r"holds int64 \[2, 2\] .* needed are the labels \[M, 3\] of M names"),
    ],
)
def test_labels_of_another_data_set_are_refused(
    tmp_path: Path, observed: list, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read(publish(tmp_path, observed))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["2008_000008.jpg", "a.jpg"], r"does not list 1 of the 2 .* such as \['2008_000015.jpg'"),
        ([*IMAGES, IMAGES[0]], "lists images more than once"),
        ([1, 2], "needed are the labels"),
    ],
)
def test_other_images_are_refused(tmp_path: Path, images: list, message: str) -> None:
    observed = np.zeros((len(images), 3))
    with pytest.raises(ValueError, match=message):
        read(publish(tmp_path, observed, images))


def test_files_of_one_name_in_two_folders_are_refused(tmp_path: Path) -> None:
    images = ["a/2008_000008.jpg", "b/2008_000008.jpg"]
    paths = publish(tmp_path, np.zeros((2, 3)))
    with pytest.raises(ValueError, match="in different folders have one name"):
        read_published(*paths, np.zeros((2, 3)), images, CLASSES)


def test_other_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"columns=\['bird', 'cat', 'cow'\] must be the 3 classes"):
        read(publish(tmp_path), columns=["bird", "cat", "cow"])


def test_files_that_are_none(tmp_path: Path) -> None:
    paths = publish(tmp_path)
    Path(paths[0]).write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match=r"observed='.*' is no npy file .* are never read"):
        read(paths)
    np.save(paths[0], np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="pickles can run code and are never read"):
        read(paths)
    with open(paths[1], "wb") as file:
        np.savez(file, images=IMAGES)
    np.save(paths[0], OBSERVED)
    with pytest.raises(ValueError, match=r"listed='.*' is no npy file of a plain array"):
        read(paths)
    Path(paths[1]).unlink()
    with pytest.raises(FileNotFoundError, match=r"listed='.*' does not exist"):
        read(paths)
