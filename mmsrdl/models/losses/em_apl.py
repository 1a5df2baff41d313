"""Entropy maximisation with asymmetric pseudo-labels."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.losses.entropy_maximization import entropy_maximization
from mmsrdl.models.losses.image_state import ImageStateLoss, Predict, check_size, epochs_after
from mmsrdl.registry import MODELS

__all__ = ["EMAPLLoss", "lowest"]


@MODELS.register_module()
class EMAPLLoss(ImageStateLoss):
    r"""Entropy maximisation with asymmetric pseudo-labels: EM + APL.

    As :class:`EntropyMaximizationLoss`, but unknown entries that have a pseudo-label
    :math:`\hat{y}` are compared with that,

    .. math:: \ell_{ic} = \beta \, \mathrm{BCE}(x_{ic}, \hat{y}_{ic})

    Pseudo-labels are negative and soft: the probabilities of the entries that the model scores
    lowest. After a warm-up, at the start of every epoch and for each class,
    :math:`\lfloor \theta U_c / (E - E_w) \rfloor` unknown entries without one get one, which they
    keep; :math:`U_c` is how many were unknown, E the number of epochs, :math:`E_w` that of the
    warm-up.

    Source: Zhou et al., Acknowledging the Unknown for Multi-label Learning with Single Positive
    Labels, ECCV 2022 (asymmetric pseudo-labelling) and the code released with it, which is
    followed: it labels after each epoch from the :math:`E_w`-th on what the next one trains on,
    by the model in evaluation mode on the training images with their augmentation. It does so once
    more after the last epoch, to no end. Known negatives, scale and logarithms: as in
    :class:`EntropyMaximizationLoss`.

    Args:
        num_images: N, images of the training set.
        num_classes: C.
        alpha: Weight of the entropy. Published: 0.2 for VOC 2012, 0.1 for COCO 2014.
        beta: Weight of pseudo-labels. Published: 0.02 for VOC 2012, 0.9 for COCO 2014, 0.2 for
            NUS-WIDE, 0.4 for CUB.
        negative_share: Share :math:`\theta` of the unknown entries that get a pseudo-label in the
            end. Published: 0.9.
        warmup_epochs: :math:`E_w`, epochs before the first pseudo-labels. Published: 5 of 10
            epochs for VOC 2012 and COCO 2014.
        loss_weight: Factor of the loss.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is out of range; in :meth:`start`, if the training set has other
            numbers of images or classes; in :meth:`start_epoch`, if no epoch follows the warm-up.
    """

    pseudo_labels: Tensor
    labelled_epoch: Tensor

    def __init__(
        self,
        num_images: int,
        num_classes: int,
        alpha: float = 0.2,
        beta: float = 0.02,
        negative_share: float = 0.9,
        warmup_epochs: int = 5,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        check_integer("num_images", num_images, low=1, example=4574)
        check_integer("num_classes", num_classes, low=1, example=20)
        check_number("alpha", alpha, low=0, example=0.2)
        check_number("beta", beta, low=0, example=0.02)
        check_number("negative_share", negative_share, low=0, high=1, example=0.9)
        check_integer("warmup_epochs", warmup_epochs, low=0, example=5)
        self.num_images, self.num_classes = num_images, num_classes
        self.alpha, self.beta = alpha, beta
        self.negative_share, self.warmup_epochs = negative_share, warmup_epochs
        self.register_buffer("pseudo_labels", torch.full((num_images, num_classes), -1.0))
        self.register_buffer("labelled_epoch", torch.tensor(-1))
        self._unknown = torch.zeros(0, num_classes, dtype=torch.bool)

    def begin(self, labels: Tensor, resumed: bool) -> None:
        """Notes which entries may get a pseudo-label."""
        check_size("num_images", self.num_images, len(labels), "images")
        check_size("num_classes", self.num_classes, labels.shape[1], "classes")
        self._unknown = (labels < 0).cpu()

    def start_epoch(self, epoch: int, max_epochs: int, predict: Predict) -> None:
        """Gives the lowest-scored entries pseudo-labels, once an epoch after the warm-up."""
        steps = epochs_after(self.warmup_epochs, max_epochs)
        if epoch < self.warmup_epochs or epoch <= int(self.labelled_epoch):
            return  # the latter where an epoch is resumed
        logits = predict().float().cpu()
        pseudo = self.pseudo_labels.cpu()
        quota = [int(self.negative_share * int(n) / steps) for n in self._unknown.sum(0)]
        chosen = lowest(logits, self._unknown & (pseudo < 0), torch.tensor(quota))
        self.pseudo_labels.copy_(torch.where(chosen, logits.sigmoid(), pseudo))
        self.labelled_epoch.fill_(epoch)

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes cross entropy or negative entropy of every entry, [B, C]."""
        index = self.images_of(logits).to(self.pseudo_labels.device)
        pseudo = self.pseudo_labels[index].to(logits.dtype)
        compared = F.binary_cross_entropy_with_logits(logits, pseudo.clamp(min=0), reduction="none")
        entries = entropy_maximization(logits, label, self.alpha)
        return torch.where((label < 0) & (pseudo >= 0), self.beta * compared, entries)


def lowest(scores: Tensor, candidates: Tensor, quota: Tensor) -> Tensor:
    """Chooses the lowest-scored candidates of every class; of equal ones the first images.

    Args:
        scores: [N, C].
        candidates: bool [N, C].
        quota: How many of each class, or all where there are fewer, int64 [C].

    Returns:
        True where chosen, bool [N, C].
    """
    order = scores.masked_fill(~candidates, torch.inf).argsort(dim=0, stable=True)
    place = torch.arange(len(scores))[:, None]
    return candidates & torch.zeros_like(candidates).scatter(0, order, place < quota)
