"""Unknown labels taken for negative ones."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_number
from mmsrdl.models.losses.tri_state import TriStateLoss
from mmsrdl.registry import MODELS

__all__ = ["AssumeNegativeLoss"]


@MODELS.register_module()
class AssumeNegativeLoss(TriStateLoss):
    r"""Binary cross entropy with every unknown label taken for negative: AN, WAN and AN-LS.

    .. math:: \ell_{ic} = v_{ic} \, \mathrm{BCE}(x_{ic}, (1 - \epsilon) z_{ic} +
        \epsilon (1 - z_{ic})), \quad z_{ic} = \max(y_{ic}, 0), \quad
        v_{ic} = w \text{ if } y_{ic} = -1 \text{ else } 1

    - AN, "assume negative": w = 1, :math:`\epsilon = 0`; with everything known it is BCE.
    - WAN, "weak assume negative": :math:`w = 1 / (C - 1)`, so that the assumed negatives of an
      image weigh as much as its one positive.
    - AN-LS, AN with label smoothing: :math:`\epsilon = 0.1` in the public code.

    Source: Cole et al., Multi-Label Learning from Single Positive Labels, CVPR 2021 (the losses AN,
    WAN and AN-LS) and the code released with it. There no negative is known; known negatives count
    as such, with weight 1. Scale and logarithms: see :class:`TriStateLoss`.

    Args:
        weight: Weight w of the assumed negatives, or ``'wan'`` for 1 / (C - 1).
        smoothing: :math:`\epsilon`, in [0, 0.5].
        loss_weight: Factor of the loss.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If an option is out of range; in :meth:`forward`, if ``weight='wan'`` meets a
            single class.
    """

    def __init__(
        self, weight: float | str = 1.0, smoothing: float = 0.0, loss_weight: float = 1.0
    ) -> None:
        super().__init__(loss_weight)
        if isinstance(weight, str):
            if weight != "wan":
                raise ValueError(f"weight={weight!r} is unknown; use a number, or 'wan'")
        else:
            check_number("weight", weight, low=0, example=1.0)
        check_number("smoothing", smoothing, low=0, high=0.5, example=0.1)
        self.weight, self.smoothing = weight, smoothing

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the weighted cross entropy of every entry, [B, C]."""
        target = label.clamp(min=0)
        target = (1 - self.smoothing) * target + self.smoothing * (1 - target)
        entries = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return torch.where(label < 0, self._assumed_weight(label.shape[1]) * entries, entries)

    def _assumed_weight(self, classes: int) -> float:
        if not isinstance(self.weight, str):
            return self.weight
        if classes < 2:
            raise ValueError(
                "weight='wan' is 1 / (C - 1), which a single class has not; use a number"
            )
        return 1 / (classes - 1)
