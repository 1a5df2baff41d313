"""Word vectors of class names, looked up by name."""

import os
import re
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.npz import read_npz

# Class names that the vocabulary of GloVe does not hold, written as it holds them.
SYNONYMS = {
    "aeroplane": ("airplane",),
    "diningtable": ("dining", "table"),
    "motorbike": ("motorcycle",),
    "pottedplant": ("potted", "plant"),
    "tvmonitor": ("tv", "monitor"),
}

BINARY = (".pkl", ".pickle", ".pt", ".pth", ".npy", ".bin")


def words_of(name: str) -> tuple[str, ...]:
    """Splits a class name into lower-case words: ``'traffic light'`` -> two words."""
    return tuple(word for word in re.split(r"[\s_\-/]+", name.lower()) if word)


def load_word_vectors(path: str | os.PathLike[str], names: Sequence[str]) -> Tensor:
    """Looks up the word vector of every class name.

    A name is looked for as it stands first, then word by word; a name of several
    words gets the mean of their vectors, and the one-word names of PASCAL VOC
    that GloVe lacks are spelled out (:data:`SYNONYMS`).

    Args:
        path: An ``.npz`` file with arrays ``names`` [M] and ``vectors`` [M, d']
            (read without pickle), or a text file in GloVe's format: a word and
            d' numbers a line, separated by blanks.
        names: C class names.

    Returns:
        Word vectors in the order of ``names``, float32, [C, d'], not normalised.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is in neither format, lacks a class, or holds a number that
            is not finite. Pickles are not read.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"word_vectors={path!r} does not exist. Give a GloVe text file (glove.6B.300d.txt from "
            "https://nlp.stanford.edu/projects/glove) or an npz with `names` and `vectors` through "
            "--word-vectors FILE or model.head.embedder.word_vectors, or set it to None to learn "
            "the vectors"
        )
    wanted = {word for name in names for word in (name, *_spellings(name))}
    table = _read_npz(path) if path.endswith(".npz") else _read_text(path, wanted)
    rows, missing = [], []
    for name in names:
        row = _look_up(name, table)
        if row is None:
            missing.append(name)
        else:
            rows.append(row)
    if missing:
        raise ValueError(
            f"word_vectors={path!r} has no vector for {', '.join(map(repr, missing[:10]))} "
            f"({len(missing)} of {len(names)} classes; it has vectors for "
            f"{first_of(list(table), 3)}). Add the missing names to the file, or set "
            "word_vectors=None to learn the vectors"
        )
    return torch.from_numpy(np.stack(rows).astype(np.float32))


def _spellings(name: str) -> Iterable[str]:
    for word in words_of(name):
        yield word
        yield from SYNONYMS.get(word, ())


def _look_up(name: str, table: dict[str, np.ndarray]) -> np.ndarray | None:
    for key in (name, name.lower()):
        if key in table:
            return table[key]
    words: list[str] = []
    for word in words_of(name):
        words.extend((word,) if word in table else SYNONYMS.get(word, (word,)))
    if not words or any(word not in table for word in words):
        return None
    return np.mean([table[word] for word in words], axis=0)


def _read_npz(path: str) -> dict[str, np.ndarray]:
    names, vectors = read_npz(path, ("names", "vectors"), "word_vectors")
    if vectors.ndim != 2 or names.shape != vectors.shape[:1] or vectors.dtype.kind not in "iuf":
        raise ValueError(
            f"word_vectors={path!r}: `names` must be [M] and `vectors` numbers [M, d'], got "
            f"{list(names.shape)} and {vectors.dtype} {list(vectors.shape)}; write the file again"
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"word_vectors={path!r}: NaN or infinite numbers in the vectors of "
            f"{first_of(names[~finite].tolist())}; mend these vectors"
        )
    return {str(name): vector for name, vector in zip(names, vectors, strict=True)}


def _read_text(path: str, wanted: set[str]) -> dict[str, np.ndarray]:
    with open(path, "rb") as file:
        is_binary = b"\0" in file.read(4096)
    if is_binary or path.lower().endswith(BINARY):
        raise ValueError(
            f"word_vectors={path!r} is neither an .npz file nor text, and was not read: pickles "
            "can run code. Write it with np.savez(FILE, names=[...], vectors=...) where it was made"
        )
    table: dict[str, np.ndarray] = {}
    dim: int | None = None
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            word, _, rest = line.rstrip("\n").partition(" ")
            if word not in wanted or word in table:
                continue
            where = f"word_vectors={path!r}, line {number}: "
            vector = _numbers(rest, f"{where}expected a word and numbers, got {line[:60]!r}")
            dim = len(vector) if dim is None else dim
            if len(vector) != dim or not dim:
                raise ValueError(
                    f"{where}{len(vector)} numbers where the lines before it have {dim}; fetch the "
                    "file again"
                )
            table[word] = vector
    return table


def _numbers(text: str, complaint: str) -> np.ndarray:
    try:
        vector = np.array(text.split(), dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"{complaint}; fetch the file again") from error
    if not np.isfinite(vector).all() or (np.abs(vector) > np.finfo(np.float32).max).any():
        raise ValueError(f"{complaint}, not all of them finite; mend or fetch the file again")
    return vector.astype(np.float32)
