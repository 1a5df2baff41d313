"""Binary cross entropy that makes up for unknown labels."""

import torch
from torch import Tensor

from mmsrdl.arguments import check_number
from mmsrdl.models.losses.tri_state import TriStateLoss, known_bce
from mmsrdl.registry import MODELS

__all__ = ["PartialBCELoss"]


@MODELS.register_module()
class PartialBCELoss(TriStateLoss):
    r"""Binary cross entropy of known entries, weighted by how many of an image are known.

    .. math:: \ell_{ic} = g(p_i) \, \mathrm{BCE}(x_{ic}, y_{ic}) \, [y_{ic} \ge 0], \quad
        g(p) = \alpha p^\gamma + \beta

    with :math:`p_i` the share of known entries among image i's C. The published defaults give
    g(0.1) = 5 (rounded: 5.005) and g(1) = 1, so that it is BCE where everything is known;
    :math:`\alpha = 1, \beta = 0, \gamma = -1` is the mean over the known entries, times C.

    Source: Durand, Mehrasa & Mori, Learning a Deep ConvNet for Multi-label Classification with
    Partial Labels, CVPR 2019, Sec. 3.1 (partial-BCE and its normalisation function). Their code is
    not public. The paper divides by C, see :class:`TriStateLoss`. An image without a known entry,
    of which it does not speak, has no loss.

    Args:
        alpha: Factor of the power.
        beta: Constant.
        gamma: Exponent of the known share.
        loss_weight: Factor of the loss.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is not finite, or g is not positive everywhere in (0, 1].
    """

    def __init__(
        self,
        alpha: float = -4.45,
        beta: float = 5.45,
        gamma: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        for name, value in (("alpha", alpha), ("beta", beta), ("gamma", gamma)):
            check_number(name, value, low=-torch.inf, example=1.0)
        # g is monotonous: it is positive inside if it is at both ends.
        if alpha + beta <= 0 or (beta if gamma > 0 else alpha if gamma < 0 else 0) < 0:
            raise ValueError(
                f"alpha={alpha}, beta={beta}, gamma={gamma} make weights alpha p^gamma + beta that "
                "are not positive for all shares p in (0, 1]; use alpha=-4.45, beta=5.45, gamma=1"
            )
        self.alpha, self.beta, self.gamma = alpha, beta, gamma

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the weighted cross entropy of every entry, [B, C]."""
        classes = label.shape[1]
        known = (label >= 0).sum(1, keepdim=True).clamp(min=1)  # of none the entries are 0
        share = known.to(logits.dtype) / classes
        weight = self.alpha * share**self.gamma + self.beta  # g(p)
        return weight * known_bce(logits, label)
