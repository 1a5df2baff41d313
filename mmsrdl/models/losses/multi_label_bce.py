"""Binary cross entropy over tri-state labels."""

import torch
from mmengine.model import BaseModule
from mmpretrain.models.losses import AsymmetricLoss, FocalLoss
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_number
from mmsrdl.models.losses.tri_state import check_shapes
from mmsrdl.registry import MODELS

UNKNOWN = -1
REDUCTIONS = ("batchmean", "mean", "sum")


@MODELS.register_module()
class MultiLabelBCELoss(BaseModule):
    r"""Binary cross entropy of SRDL's Eqs. (11) and (12) that leaves unknown labels out.

    .. math:: -\sum_{n,c: y \ge 0} y \log p + (1 - y) \log (1 - p)

    The paper prints no minus sign and sums over images and classes. With Adam's
    coupled weight decay the scale of the loss matters, so it is stated here:
    ``'batchmean'`` sums over classes and averages over images, which is what
    MMPretrain's multi-label heads do.

    Args:
        reduction: ``'batchmean'``, ``'mean'`` (over all known entries) or
            ``'sum'`` (the paper's letter).
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If ``reduction`` is unknown or ``loss_weight`` negative or not finite; in
            :meth:`forward`, if logits and labels differ in shape.
    """

    ignores_unknown = True

    def __init__(self, reduction: str = "batchmean", loss_weight: float = 1.0) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction={reduction!r} is unknown; use one of {REDUCTIONS}")
        check_number("loss_weight", loss_weight, low=0, example=1.0)
        self.reduction, self.loss_weight = reduction, loss_weight

    def forward(self, cls_score: Tensor, label: Tensor, avg_factor: float | None = None) -> Tensor:
        """Computes the loss, a scalar; 0 where nothing is known.

        Args:
            cls_score: Logits, [B, C].
            label: 1, 0 or -1 (unknown); values between 0 and 1 are soft labels, [B, C].
            avg_factor: Number of images for ``'batchmean'``. Defaults to B.
                MMPretrain's heads pass it.
        """
        check_shapes(cls_score, label)
        known = (label >= 0).to(cls_score.dtype)
        target = label.to(cls_score.dtype).clamp(min=0)
        # Eqs. (11), (12)
        loss = F.binary_cross_entropy_with_logits(cls_score, target, known, reduction="sum")
        if self.reduction == "batchmean":
            images = cls_score.shape[0] if avg_factor is None else avg_factor
            loss = loss / images if images else loss  # of no image the sum is 0
        elif self.reduction == "mean":
            loss = loss / known.sum().clamp(min=1)
        return self.loss_weight * loss


def check_known(loss_module: torch.nn.Module, label: Tensor) -> None:
    """Refuses labels that the loss would take for others.

    MMPretrain's own losses compute with -1 as if it were a label. Losses that
    leave unknown entries out say so by ``ignores_unknown = True``. Two of them
    take the labels of one class, [B, 1], for indices of classes: 0 for the
    class itself.

    Args:
        loss_module: The loss that is about to be computed.
        label: [B, C].

    Raises:
        ValueError: If ``label`` has unknown entries and the loss does not leave them out, or is of
            one class and the loss takes it for indices.
    """
    if getattr(loss_module, "ignores_unknown", False):
        return
    if label.shape[-1] == 1 and isinstance(loss_module, AsymmetricLoss | FocalLoss):
        raise ValueError(
            f"loss={type(loss_module).__name__} takes the labels of a single class for indices of "
            "classes, and so negatives for positives; use loss=dict(type="
            "'mmsrdl.MultiLabelBCELoss') where num_classes=1"
        )
    unknown = int((label == UNKNOWN).sum())
    if unknown:
        raise ValueError(
            f"{unknown} of {label.numel()} labels of the batch are -1 (unknown or difficult) but "
            f"loss={type(loss_module).__name__} does not leave them out. Use "
            "loss=dict(type='mmsrdl.MultiLabelBCELoss'), or let the data set count them as "
            "negative (difficult='negative')"
        )
