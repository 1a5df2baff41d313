"""Regularised online label estimation."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.losses.image_state import ImageStateLoss, check_size
from mmsrdl.models.losses.tri_state import known_bce
from mmsrdl.registry import MODELS

__all__ = ["ROLELoss"]

UNKNOWN, POSITIVE, NEGATIVE = 0.6, 0.995, 0.005
"""Estimates that training begins with: at most, for unknown entries; and for known ones."""


@MODELS.register_module()
class ROLELoss(ImageStateLoss):
    r"""Regularised online label estimation (ROLE): classifier and label estimates teach each other.

    With the classifier's probabilities :math:`p = \sigma(x)` and estimates
    :math:`q = \sigma(\theta)` from a table :math:`\theta` [N, C] of the training images that is
    learned, too,

    .. math:: L &= \tfrac{1}{2} (L_p + L_q), \\
        L_p &= \frac{1}{B} \sum_{ic} \big( [y_{ic} \ge 0] \, \mathrm{BCE}(p_{ic}, y_{ic}) +
        \mathrm{BCE}(p_{ic}, \bar{q}_{ic}) \big) + \frac{1}{C} \Big( \frac{1}{B} \sum_{ic} p_{ic}
        - k \Big)^2

    and :math:`L_q` the same with p and q exchanged; the bar stops the gradient, k is the number of
    positive labels that an image is expected to have. The estimates compare with the classifier
    everywhere, at known entries, too, so that this is not BCE where everything is known.

    Source: Cole et al., Multi-Label Learning from Single Positive Labels, CVPR 2021 (ROLE, of the
    expected positive regularisation EPR) and the code released with it, which is followed to the
    table's first values: :math:`\sigma^{-1}(0.995)` at known positives, :math:`\sigma^{-1}(0.005)`
    at known negatives, uniform in :math:`\pm\sigma^{-1}(0.6)` elsewhere. There all is divided by C
    once more (see :class:`TriStateLoss`), and the loss knows positives alone: known negatives are
    compared with as positives are.

    The table is learned by the same optimiser ten times as fast as the model:
    ``optim_wrapper=dict(paramwise_cfg=dict(custom_keys={'loss_module.table': dict(lr_mult=10)}))``,
    with ``decay_mult=0`` added where the optimiser has a weight decay. As there, its gradient is
    dense, so that Adam's momentum moves the rows of other images, too. On several processes the
    gradients of the table are averaged like all others, which is that of the mean over all images;
    the regulariser is each process's own.

    Args:
        num_images: N, images of the training set.
        num_classes: C.
        expected_positives: k, at most C. Published: 1.5 for VOC 2012, 2.5 for COCO 2014 (as in
            the code), 1.9 for NUS-WIDE, 31.4 for CUB.
        loss_weight: Factor of the loss.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is out of range; in :meth:`start`, if the training set has other
            numbers of images or classes.
    """

    def __init__(
        self,
        num_images: int,
        num_classes: int,
        expected_positives: float,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        check_integer("num_images", num_images, low=1, example=4574)
        check_integer("num_classes", num_classes, low=1, example=20)
        check_number("expected_positives", expected_positives, low=0, high=num_classes, example=1.5)
        self.num_images, self.num_classes = num_images, num_classes
        self.expected_positives = expected_positives
        bound = _logit(UNKNOWN)
        self.table = nn.Parameter(torch.empty(num_images, num_classes).uniform_(-bound, bound))

    def begin(self, labels: Tensor, resumed: bool) -> None:
        """Sets the estimates of known entries."""
        check_size("num_images", self.num_images, len(labels), "images")
        check_size("num_classes", self.num_classes, labels.shape[1], "classes")
        if resumed:
            return
        labels = labels.to(self.table.device)
        with torch.no_grad():
            self.table[labels == 1] = _logit(POSITIVE)
            self.table[labels == 0] = _logit(NEGATIVE)

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the loss of every entry, over which the regulariser is spread, [B, C]."""
        theta = self.table[self.images_of(logits).to(self.table.device)].to(logits.dtype)
        p, q = logits.sigmoid(), theta.sigmoid()
        known = known_bce(logits, label) + known_bce(theta, label)
        cross = F.binary_cross_entropy_with_logits(logits, q.detach(), reduction="none")
        cross = cross + F.binary_cross_entropy_with_logits(theta, p.detach(), reduction="none")
        excess = (self._excess(p) + self._excess(q)) / label.shape[1] ** 2
        return (known + cross + excess) / 2

    def _excess(self, probability: Tensor) -> Tensor:
        """Computes the squared excess over the expected number of positives."""
        return (probability.sum(1).mean() - self.expected_positives) ** 2


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
