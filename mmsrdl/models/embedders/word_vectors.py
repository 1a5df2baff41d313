"""Word vectors of class names, looked up by name."""

import os
import re
import zipfile
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

# Class names that the vocabulary of GloVe does not hold, written as it holds them.
SYNONYMS = {
    "aeroplane": ("airplane",),
    "diningtable": ("dining", "table"),
    "motorbike": ("motorcycle",),
    "pottedplant": ("potted", "plant"),
    "tvmonitor": ("tv", "monitor"),
}


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
        ValueError: If the file is in neither format, or lacks a class.
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
            f"word_vectors={path!r} has no vector for {', '.join(map(repr, missing))}. Add the "
            "missing names to the file, or set word_vectors=None to learn the vectors"
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
    try:
        with np.load(path, allow_pickle=False) as file:
            names, vectors = file["names"], file["vectors"]
    except (KeyError, ValueError, zipfile.BadZipFile, OSError) as error:
        raise ValueError(
            f"word_vectors={path!r} is not an npz file with arrays `names` and `vectors`: {error}"
        ) from error
    if vectors.ndim != 2 or names.shape != vectors.shape[:1] or not np.isfinite(vectors).all():
        raise ValueError(
            f"word_vectors={path!r}: `names` must be [M] and `vectors` a finite [M, d'], got "
            f"{list(names.shape)} and {list(vectors.shape)}"
        )
    return {str(name): vector for name, vector in zip(names, vectors, strict=True)}


def _read_text(path: str, wanted: set[str]) -> dict[str, np.ndarray]:
    table: dict[str, np.ndarray] = {}
    dim: int | None = None
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            word, _, rest = line.rstrip("\n").partition(" ")
            if word not in wanted or word in table:
                continue
            try:
                vector = np.array(rest.split(), dtype=np.float32)
            except ValueError as error:
                raise ValueError(
                    f"word_vectors={path!r}, line {number}: expected a word and numbers, got "
                    f"{line[:60]!r}"
                ) from error
            dim = len(vector) if dim is None else dim
            if len(vector) != dim or not dim:
                raise ValueError(
                    f"word_vectors={path!r}, line {number}: {len(vector)} numbers where the lines "
                    f"before it have {dim}"
                )
            table[word] = vector
    return table
