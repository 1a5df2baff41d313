"""Files of arrays, vectors, thresholds and names: only clear errors, whatever they hold."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmsrdl.datasets import write_feature_maps
from mmsrdl.datasets.class_names import check_class_names, read_class_names
from mmsrdl.datasets.cooccurrence import Cooccurrence, load_cooccurrence, save_cooccurrence
from mmsrdl.datasets.feature_maps import FeatureMaps
from mmsrdl.datasets.npz import read_npz, write_npz
from mmsrdl.datasets.nuswide import NUSWIDELabels
from mmsrdl.datasets.nuswide.binary_table import read_binary_table
from mmsrdl.datasets.nuswide.labels import LabeledImages
from mmsrdl.datasets.observation import Observation, observe, read_published
from mmsrdl.evaluation import ScoresFile, Thresholds
from mmsrdl.models.embedders.name_vectors import NameVectors
from mmsrdl.models.embedders.word_vectors import load_word_vectors
from tests.properties.strategies import TEXT, error_of, names
from tests.properties.test_annotation_files import CLEAR, JSON, damaged, places, replaced

IMAGES, CLASSES = ["1.jpg", "2.jpg", "3.jpg"], ["cat", "dog"]
LABELS = np.array([[1, 0], [0, -1], [1, 1]], dtype=np.int8)


def published(path: Path) -> Any:
    images = path.with_name("images.npy")
    np.save(images, np.array(IMAGES))
    return read_published(path, images, LABELS, IMAGES, CLASSES)


def sound_maps(path: Path) -> None:
    shape = (1, 3, 2, 1, 1)
    write_feature_maps(
        path, shape, lambda maps: maps.fill(0), LABELS, LABELS == -1, CLASSES, IMAGES, {"part": "a"}
    )


def sound_scores(path: Path) -> None:
    scores, index = torch.arange(6).view(3, 2) / 8, torch.arange(3)
    difficult = torch.from_numpy(LABELS == -1)
    file = ScoresFile(
        ("cat", "dog"), scores, torch.from_numpy(LABELS), index, tuple(IMAGES), difficult
    )
    file.save(path)


def sound_nuswide(path: Path) -> None:
    split = LabeledImages(tuple(IMAGES), LABELS == 1)
    NUSWIDELabels(("cat",), ("dog",), {"train": split, "test": split}).save(path)


def sound_counts(path: Path) -> None:
    positive = torch.tensor([[3, 1], [1, 2]])
    save_cooccurrence(path, CLASSES, Cooccurrence.fully_known(positive))


ARRAYS: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any]]] = {
    "observation": (
        lambda path: observe(LABELS, IMAGES, CLASSES, "one_positive", 1).save(path),
        Observation.load,
    ),
    "scores": (sound_scores, ScoresFile.load),
    "nuswide": (sound_nuswide, NUSWIDELabels.load),
    "cooccurrence": (sound_counts, lambda path: load_cooccurrence(path, CLASSES)),
    "maps": (sound_maps, FeatureMaps.load),
    "word vectors": (
        lambda path: np.savez(path, names=np.array(CLASSES), vectors=np.eye(2)),
        lambda path: load_word_vectors(path, CLASSES),
    ),
    "name vectors": (
        lambda path: np.savez(path, names=np.array(CLASSES), vectors=np.eye(2)),
        lambda path: NameVectors(path, None, ["{}"]).of(CLASSES),
    ),
}
"""By kind: what writes a sound file, and what reads it."""

TEXTS: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    "a.txt": (b"cat\ndog\n", lambda path: read_class_names(str(path))),
    "b.txt": (
        b"the 0.1 0.2\ncat 1 2\ndog -3 4e-1\n",
        lambda path: load_word_vectors(str(path), CLASSES),
    ),
    "c.txt": (b"0 1 0\n1 1 1\n\n0\t0 1 \r\n", lambda path: read_binary_table(path, 3)),
    "d.json": (
        b'{"version": 1, "thresholds": {"cat": 0.5, "dog": 0.25}, "temperature": 1.5, '
        b'"protocol": {"objective": "f1"}}',
        Thresholds.load,
    ),
    "e.npy": (
        (lambda file: (np.save(file, LABELS * 0), file.getvalue())[1])(io.BytesIO()),
        published,
    ),
}


def refuse_or_read(read: Callable[[Path], Any], path: Path) -> None:
    error = error_of(lambda: read(path), *CLEAR)
    assert error is None or (path.stem in str(error) and len(str(error)) < 5000), str(error)


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
def test_no_text_gives_another_error(name: str, data: st.DataObject, tmp_path_factory) -> None:
    sound, read = TEXTS[name]
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data.draw(damaged(sound)))
    refuse_or_read(read, path)


@given(data=st.data())
def test_no_thresholds_give_another_error(data: st.DataObject, tmp_path_factory) -> None:
    content = json.loads(TEXTS["d.json"][0])
    place = data.draw(st.sampled_from(places(content)))
    content = replaced(content, place, data.draw(st.one_of(JSON, st.just(...))))
    path = tmp_path_factory.getbasetemp() / "thresholds.json"
    path.write_text(json.dumps(None if content is ... else content), encoding="utf-8")
    refuse_or_read(Thresholds.load, path)


@pytest.mark.parametrize("kind", ARRAYS)
@given(data=st.data())
def test_no_bytes_give_another_error(kind: str, data: st.DataObject, tmp_path_factory) -> None:
    write, read = ARRAYS[kind]
    path = tmp_path_factory.getbasetemp() / f"{kind}.npz"
    write(path)
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    refuse_or_read(read, path)


ENTRIES = st.one_of(
    hnp.scalar_dtypes(), hnp.unicode_string_dtypes(max_len=4), hnp.byte_string_dtypes(max_len=3)
)
ANY_ARRAY = hnp.arrays(ENTRIES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))


@pytest.mark.parametrize("kind", ARRAYS)
@given(data=st.data())
def test_no_arrays_give_another_error(kind: str, data: st.DataObject, tmp_path_factory) -> None:
    write, read = ARRAYS[kind]
    path = tmp_path_factory.getbasetemp() / f"{kind}.npz"
    write(path)
    with np.load(path) as file:
        arrays = dict(file)
    key = data.draw(st.sampled_from(sorted(arrays)))
    if data.draw(st.booleans()):
        arrays[key] = data.draw(ANY_ARRAY)
    else:
        shape = arrays[key].shape
        shorter = (*shape[:-1], *(max(0, size - 1) for size in shape[-1:]))
        arrays[key] = data.draw(hnp.arrays(arrays[key].dtype, st.sampled_from([shape, shorter])))
    np.savez(path, **arrays)
    refuse_or_read(read, path)


@given(
    arrays=st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        hnp.arrays(
            st.sampled_from([np.bool_, np.int8, np.int64, np.float32]),
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
        ),
        min_size=1,
        max_size=3,
    ),
    compressed=st.booleans(),
)
def test_arrays_come_back(
    arrays: dict[str, np.ndarray], compressed: bool, tmp_path_factory
) -> None:
    path = tmp_path_factory.getbasetemp() / "arrays.npz"
    write_npz(path, arrays, compressed)
    for array, read in zip(arrays.values(), read_npz(path, list(arrays), "file"), strict=True):
        np.testing.assert_array_equal(read, array)
        assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert zipfile.is_zipfile(path)


@given(classes=names(max_size=6))
def test_lists_of_classes_come_back(classes: list[str], tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "classes.txt"
    path.write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    assert read_class_names(str(path)) == classes
    assert check_class_names(classes) == tuple(classes)


@given(classes=st.lists(TEXT, min_size=1, max_size=5))
def test_names_are_taken_or_refused(classes: list[str]) -> None:
    sound = len(set(classes)) == len(classes) and all(name.strip() for name in classes)
    try:
        taken = check_class_names(classes)
    except ValueError:
        assert not sound
    else:
        assert sound
        assert taken == tuple(classes)


@given(classes=st.lists(TEXT.filter(str.strip), min_size=1, max_size=5, unique=True))
def test_counts_of_classes_come_back(classes: list[str], tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "counts.npz"
    size = len(classes)
    if any(name.endswith("\0") for name in classes):
        with pytest.raises(ValueError, match="ends with NUL, which no array keeps"):
            save_cooccurrence(path, classes, Cooccurrence.fully_known(torch.eye(size)))
        return
    positive = torch.arange(size * size).view(size, size)
    positive = positive + positive.T + size**3 * torch.eye(size, dtype=torch.int64)
    save_cooccurrence(path, classes, Cooccurrence.fully_known(positive))
    turned = classes[::-1]
    read = load_cooccurrence(path, turned)
    assert torch.equal(read.positive.long(), positive.flip(0, 1))
