"""Base of label embedders that start from one vector a class."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.datasets.class_names import resolve_classes
from mmsrdl.models.embedders.word_vectors import load_word_vectors


class WordVectorEmbedder(BaseModule):
    """Base class: holds the word vectors of the classes, [C, d'].

    They are read by ``init_weights()`` and then belong to the state dict, so a checkpoint can be
    used where the file of word vectors is not at hand.

    Args:
        classes: C class names, or ``'coco'`` / ``'voc'``.
        word_vectors: File of word vectors, see :func:`load_word_vectors`. None: they are random.
        embed_dims: d'.
        learn_vectors: Whether they are trained.
        std: Standard deviation of random vectors.

    Attributes:
        out_dims: Size of a class's embedding.

    Raises:
        TypeError: If ``embed_dims`` is no integer.
        ValueError: If it is below 1.
    """

    classes: tuple[str, ...]
    out_dims: int

    def __init__(
        self,
        classes: Sequence[str] | str,
        word_vectors: str | None,
        embed_dims: int,
        learn_vectors: bool,
        std: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("embed_dims", embed_dims, low=1, example=300)
        self.classes = resolve_classes(classes)
        self.word_vectors_file = word_vectors
        vectors = torch.full((len(self.classes), embed_dims), torch.nan)
        if word_vectors is None:
            vectors = std * torch.randn(len(self.classes), embed_dims)
        self.vectors = nn.Parameter(vectors, requires_grad=learn_vectors)
        self._vectors_present = False

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.classes)

    @torch.no_grad()
    def init_weights(self) -> None:
        """Reads the word vectors.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it lacks a class, or its vectors are of another size.
        """
        super().init_weights()
        if self.word_vectors_file is None:
            return
        vectors = load_word_vectors(self.word_vectors_file, self.classes)
        if vectors.shape != self.vectors.shape:
            raise ValueError(
                f"word_vectors={self.word_vectors_file!r} has {vectors.shape[1]} dimensions "
                f"but embed_dims={self.vectors.shape[1]}; set embed_dims={vectors.shape[1]}"
            )
        self.vectors.copy_(vectors)

    def present_vectors(self) -> Tensor:
        """Returns the vectors, [C, d'].

        Raises:
            RuntimeError: If they were never read.
        """
        if not self._vectors_present:
            self._check_vectors()
        return self.vectors

    def _check_vectors(self) -> None:
        if self.vectors.isnan().any():
            raise RuntimeError(
                f"the word vectors of {self.word_vectors_file!r} were never read: call "
                "model.init_weights(), or load a checkpoint, before the first forward pass"
            )
        self._vectors_present = True
