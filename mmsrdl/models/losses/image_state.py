"""Base class of losses that keep something of every training image."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mmsrdl.models.losses.tri_state import TriStateLoss

__all__ = ["ImageStateLoss", "Predict"]

Predict = Callable[[], Tensor]
"""Computes the logits of all training images in their order under the current model, [N, C]."""


class ImageStateLoss(TriStateLoss):
    """Loss with a state of N training images, which it has to know in a batch.

    ``mmsrdl.LabelStateHook`` tells it: :meth:`start` before training, :meth:`start_epoch` before
    every epoch, :meth:`set_images` before every iteration. The state is in the state dict, with a
    fingerprint of what it belongs to: a run that is resumed, or begun from a checkpoint
    (``load_from``), goes on with it, and is refused on other images, classes or labels. All
    processes hold the same state.

    A second pass over the same images, as object erasing makes, is to these losses a further batch
    of them; a label that is known there is compared with, whatever the state says.

    Args:
        loss_weight: Factor of the loss.

    Raises:
        RuntimeError: In :meth:`forward`, if the images of the batch were not told.
        ValueError: If they are not as many as those of the batch; see :meth:`start`, too.
    """

    fingerprint: Tensor

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.register_buffer("fingerprint", torch.zeros(32, dtype=torch.uint8))
        self._index: Tensor | None = None

    def start(self, labels: Tensor, images: Sequence[str], classes: Sequence[str]) -> None:
        """Takes the training set as it is observed; called before training, after any loading.

        Args:
            labels: 1, 0 or -1 (unknown), int8 [N, C].
            images: N names.
            classes: C names.

        Raises:
            ValueError: If the sizes do not fit, or the state is another training set's.
        """
        if labels.shape != (len(images), len(classes)):
            raise ValueError(
                f"labels {list(labels.shape)} must be [{len(images)}, {len(classes)}], a row an "
                "image and a column a class"
            )
        sources = self.sources(labels, images, classes)
        found = _fingerprint(images, classes, sources).to(self.fingerprint.device)
        resumed = bool(self.fingerprint.any())
        if resumed and not torch.equal(found, self.fingerprint):
            raise ValueError(
                f"the checkpoint's state of loss={type(self).__name__} belongs to another training "
                f"set than this one of {len(images)} images and {len(classes)} classes: images, "
                "their order, classes, observed labels or a file's pseudo-labels differ. Resume "
                "with what it was trained on, or begin anew without load_from; --weights takes its "
                "backbone alone"
            )
        self.fingerprint.copy_(found)
        self.begin(labels, resumed)

    def sources(
        self, labels: Tensor, images: Sequence[str], classes: Sequence[str]
    ) -> tuple[Tensor, ...]:
        """Returns what the state belongs to beside names: ``labels``, and what a subclass adds.

        Args:
            labels: See :meth:`start`, as are the others.
            images: Likewise.
            classes: Likewise.

        Returns:
            Tensors on the CPU.
        """
        return (labels,)

    def begin(self, labels: Tensor, resumed: bool) -> None:
        """Makes the state of the images.

        Args:
            labels: See :meth:`start`.
            resumed: Whether the state was loaded, and is to be kept.
        """
        raise NotImplementedError

    def start_epoch(self, epoch: int, max_epochs: int, predict: Predict) -> None:
        """Brings the state up to date at the start of an epoch.

        Args:
            epoch: Number of the epoch, from 0.
            max_epochs: How many there are.
            predict: See :data:`Predict`.
        """

    def set_images(self, index: Tensor | None) -> None:
        """Tells the images of the next batch.

        Args:
            index: Their places in the training set, int64 [B]; None for none.
        """
        self._index = index

    def images_of(self, logits: Tensor) -> Tensor:
        """Returns the places of the images of a batch, int64 [B], on the CPU.

        Args:
            logits: [B, C].
        """
        if self._index is None:
            raise RuntimeError(
                f"loss={type(self).__name__} was not told which images the batch holds; train with "
                "default_hooks=dict(label_state=dict(type='mmsrdl.LabelStateHook')), and compute "
                "no loss outside of training"
            )
        if len(self._index) != len(logits):
            raise ValueError(
                f"loss={type(self).__name__} was told of {len(self._index)} images and got logits "
                f"of {len(logits)}; use no augmentation that changes the number of images"
            )
        return self._index


def check_size(name: str, given: int, found: int, what: str) -> None:
    """Refuses a state that was made for another number of images or classes.

    Raises:
        ValueError: ``given`` is not ``found``.
    """
    if given != found:
        raise ValueError(
            f"{name}={given} but the training set has {found} {what}; set "
            f"model.head.loss.{name}={found}"
        )


def epochs_after(warmup_epochs: int, max_epochs: int) -> int:
    """Returns how many epochs follow a warm-up.

    Raises:
        ValueError: None does.
    """
    if warmup_epochs >= max_epochs:
        raise ValueError(
            f"warmup_epochs={warmup_epochs} leaves no epoch of max_epochs={max_epochs} for "
            f"pseudo-labels; use at most {max_epochs - 1}"
        )
    return max_epochs - warmup_epochs


def _fingerprint(images: Sequence[str], classes: Sequence[str], tables: Any) -> Tensor:
    """Returns the SHA-256 of names and tables, uint8 [32]."""
    digest = hashlib.sha256()
    for names in (images, classes):
        digest.update("\0".join(names).encode(errors="surrogateescape") + b"\0\0")
    for table in tables:
        digest.update(table.to(torch.int8).contiguous().numpy().tobytes())
    return torch.tensor(list(digest.digest()), dtype=torch.uint8)
