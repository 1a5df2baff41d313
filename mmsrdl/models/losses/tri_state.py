"""Base class of the losses over tri-state labels."""

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_number
from mmsrdl.models.precision import at_least_float32

__all__ = ["TriStateLoss", "check_shapes", "known_bce"]


class TriStateLoss(BaseModule):
    r"""Loss of labels that are positive (1), negative (0) or unknown (-1).

    Known entries are compared with their label; subclasses differ in what they make of unknown
    ones, in :meth:`entries`. All are of one scale,

    .. math:: \frac{w}{A} \sum_{i=1}^{B} \sum_{c=1}^{C} \ell_{ic}

    with A images, which is what MMPretrain's multi-label heads ask for and what
    :class:`MultiLabelBCELoss` calls ``'batchmean'``. The public code of the literature averages
    over the classes, too: its values are C times smaller, to which Adam is indifferent as long as
    there is no weight decay. Logarithms are exact (of sigmoids, from logits), where that code has
    :math:`\log (p + 10^{-5})`. Half precision is computed in float32.

    Args:
        loss_weight: Factor w of the loss.

    Attributes:
        ignores_unknown: True: -1 is not taken for a label (see :func:`check_known`).
        uses_unknown: Whether unknown entries have a part in the loss. If so, a label cannot be left
            out by making it -1, as object erasing does with ``era_classes='selected'``.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is out of range; in :meth:`forward`, if logits and labels differ in
            shape.
    """

    ignores_unknown = True
    uses_unknown = True

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_number("loss_weight", loss_weight, low=0, example=1.0)
        self.loss_weight = loss_weight

    def forward(self, cls_score: Tensor, label: Tensor, avg_factor: float | None = None) -> Tensor:
        """Computes the loss, a scalar; of no image 0.

        Args:
            cls_score: Logits, [B, C].
            label: 1, 0 or -1 (unknown); values between 0 and 1 are soft labels, [B, C].
            avg_factor: Number of images A. Defaults to B. MMPretrain's heads pass it.
        """
        check_shapes(cls_score, label)
        logits = at_least_float32(cls_score)
        total = self.entries(logits, label.to(logits.dtype)).sum()
        images = cls_score.shape[0] if avg_factor is None else avg_factor
        return self.loss_weight * (total / images if images else total)

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the loss of every entry, [B, C].

        Args:
            logits: At least float32, [B, C].
            label: Of the same type, see :meth:`forward`, [B, C].
        """
        raise NotImplementedError


def check_shapes(cls_score: Tensor, label: Tensor) -> None:
    """Refuses logits and labels that differ in shape.

    Raises:
        ValueError: They do.
    """
    if cls_score.shape != label.shape:
        raise ValueError(
            f"cls_score {list(cls_score.shape)} and label {list(label.shape)} must both be "
            "[B, C]; set model.head.num_classes and the embedder's classes to the data set's"
        )


def known_bce(logits: Tensor, label: Tensor) -> Tensor:
    """Computes the binary cross entropy of known entries; 0 at unknown ones.

    Args:
        logits: [B, C].
        label: 1, 0 or -1 (unknown), or between 0 and 1, [B, C].

    Returns:
        [B, C].
    """
    entries = F.binary_cross_entropy_with_logits(logits, label.clamp(min=0), reduction="none")
    return torch.where(label >= 0, entries, 0)
