"""Entropy maximisation of what is unknown."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_number
from mmsrdl.models.losses.tri_state import TriStateLoss, known_bce
from mmsrdl.registry import MODELS

__all__ = ["EntropyMaximizationLoss", "binary_entropy", "entropy_maximization"]


def binary_entropy(logits: Tensor) -> Tensor:
    r"""Computes the entropy of Bernoulli distributions, in nats.

    .. math:: H(p) = -p \log p - (1 - p) \log (1 - p), \quad p = \sigma(x)

    Args:
        logits: x, any shape.

    Returns:
        In [0, log 2], of the same shape.
    """
    return logits.sigmoid() * F.softplus(-logits) + (-logits).sigmoid() * F.softplus(logits)


def entropy_maximization(logits: Tensor, label: Tensor, alpha: float) -> Tensor:
    """Computes the loss of every entry, see :class:`EntropyMaximizationLoss`.

    Args:
        logits: [B, C].
        label: 1, 0 or -1 (unknown), or between 0 and 1, [B, C].
        alpha: Weight of the entropy.

    Returns:
        [B, C].
    """
    return torch.where(label < 0, -alpha * binary_entropy(logits), known_bce(logits, label))


@MODELS.register_module()
class EntropyMaximizationLoss(TriStateLoss):
    r"""Binary cross entropy of known labels, and the negative entropy of unknown ones: EM.

    .. math:: \ell_{ic} = \begin{cases} \mathrm{BCE}(x_{ic}, y_{ic}) & y_{ic} \ge 0 \\
        -\alpha H(\sigma(x_{ic})) & y_{ic} = -1 \end{cases}

    with H of :func:`binary_entropy`. Its gradient at unknown entries,
    :math:`\alpha p (1 - p) \log \frac{p}{1 - p}`, is small where p is near 0, 1/2 or 1. With
    everything known it is BCE; it is negative where much is unknown.

    Source: Zhou et al., Acknowledging the Unknown for Multi-label Learning with Single Positive
    Labels, ECCV 2022 (EM loss) and the code released with it. There no negative is known; known
    negatives are compared with their label. Scale and logarithms: see :class:`TriStateLoss`.

    Args:
        alpha: Weight of the entropy. Published: 0.2 for VOC 2012, 0.1 for COCO 2014 and NUS-WIDE,
            0.01 for CUB.
        loss_weight: Factor of the loss.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is negative or not finite.
    """

    def __init__(self, alpha: float = 0.2, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_number("alpha", alpha, low=0, example=0.2)
        self.alpha = alpha

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes cross entropy or negative entropy of every entry, [B, C]."""
        return entropy_maximization(logits, label, self.alpha)
