"""Asymmetric loss over tri-state labels."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_number
from mmsrdl.models.losses.tri_state import TriStateLoss
from mmsrdl.registry import MODELS

__all__ = ["MultiLabelASLLoss", "focal_weight"]


def focal_weight(logits: Tensor, gamma: float) -> Tensor:
    r"""Computes focusing weights :math:`(1 - p)^\gamma` with :math:`p = \sigma(x)`.

    The gradient is finite for every x and gamma; :math:`p^\gamma` is that of ``-logits``.

    Args:
        logits: x, any shape.
        gamma: Exponent, 0 or more.

    Returns:
        In [0, 1], of the same shape.
    """
    return (-gamma * F.softplus(logits)).exp()


@MODELS.register_module()
class MultiLabelASLLoss(TriStateLoss):
    r"""Asymmetric loss (ASL) of the known entries.

    .. math:: \ell_{ic} = -y (1 - p)^{\gamma_+} \log p - (1 - y) \, p_m^{\gamma_-} \log (1 - p_m),
        \quad p_m = \max(p - m, 0)

    Unknown entries are left out. With :math:`\gamma_+ = \gamma_- = m = 0` it is BCE.

    Source: Ridnik et al., Asymmetric Loss for Multi-Label Classification, ICCV 2021, and the code
    released with it, whose training passes no gradient through the focusing weights
    (``disable_torch_grad_focal_loss``), nor does this class. MMPretrain's ``AsymmetricLoss`` does,
    takes the logarithm in half precision, and -1 for a label. Each half of a soft label has its
    own weight; the released code knows hard labels alone.

    Args:
        gamma_neg: Focusing exponent of negatives.
        gamma_pos: Focusing exponent of positives; 0 in the released training, 1 as the default of
            its class.
        clip: Probability margin m, in [0, 1].
        loss_weight: Factor of the loss.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is out of range.
    """

    uses_unknown = False

    def __init__(
        self,
        gamma_neg: float = 4.0,
        gamma_pos: float = 0.0,
        clip: float = 0.05,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        check_number("gamma_neg", gamma_neg, low=0, example=4.0)
        check_number("gamma_pos", gamma_pos, low=0, example=0.0)
        check_number("clip", clip, low=0, high=1, example=0.05)
        self.gamma_neg, self.gamma_pos, self.clip = gamma_neg, gamma_pos, clip

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the focused cross entropy of every entry, [B, C]."""
        target = label.clamp(min=0)
        with torch.no_grad():
            positive_weight = focal_weight(logits, self.gamma_pos)
            negative_weight = (logits.sigmoid() - self.clip).clamp(min=0).pow(self.gamma_neg)
        entries = target * positive_weight * F.softplus(-logits)
        entries = entries + (1 - target) * negative_weight * self._of_negatives(logits)
        return torch.where(label >= 0, entries, 0)

    def _of_negatives(self, logits: Tensor) -> Tensor:
        """Computes -log(1 - p_m)."""
        if self.clip:
            return -((-logits).sigmoid() + self.clip).clamp(max=1).log()
        return F.softplus(logits)
