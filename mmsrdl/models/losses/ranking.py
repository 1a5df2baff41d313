"""Hinge between every positive and every negative of an image."""

import torch
from torch import Tensor

from mmsrdl.arguments import check_number
from mmsrdl.models.losses.tri_state import TriStateLoss
from mmsrdl.registry import MODELS

__all__ = ["RankingLoss"]


@MODELS.register_module()
class RankingLoss(TriStateLoss):
    r"""Ranks the positives of an image above its negatives; the loss of BiAM, MKT and SigRL.

    With P and N the positives and negatives of an image,

    .. math:: \frac{1}{V} \sum_{p \in P} \sum_{n \in N} \max(0, m + s_n - s_p)

    where V is the number of pairs whose term is above 0; the mean over the images that have a
    positive. Unknown entries make no pair. The gradient does not flow through V: it moves the
    scores of an image by as much, however many pairs are in the wrong order.

    Scores may be of any scale. Between those in [-1, 1], such as cosines or the class-normalised
    scores of SigRL, a margin of 1 is hardly ever reached: the loss is then nearly linear, m plus
    the mean score of the negatives less that of the positives.

    Source: the public code of BiAM (Narayan et al., ICCV 2021), which that of MKT (He et al., AAAI
    2023) and of SigRL have taken over. It removes images without a positive from the batch, which
    is the same, and takes absent tags for negatives; labels are -1 and 1 there, 0 and 1 here. V
    has :math:`10^{-8}` added there, without effect where a pair counts. Its table of pairs is
    [B, C, C], here it is [B, K, C] of at most K positives an image.

    Args:
        margin: m, by how much a positive has to be above a negative.
        loss_weight: Factor of the loss.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is out of range; in :meth:`forward`, if logits and labels differ in
            shape, or a label is none of 1, 0 and -1.
    """

    uses_unknown = False

    def __init__(self, margin: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_number("margin", margin, low=0, example=1.0)
        self.margin = margin

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the share of every negative in its image's loss, [B, C]; 0 elsewhere.

        Images that have a positive weigh more, so that the mean over all B is theirs.

        Args:
            logits: At least float32, [B, C].
            label: 1, 0 or -1, [B, C].
        """
        _check_hard(label)
        counts = (label == 1).sum(1)
        most = int(counts.max()) if len(counts) else 0
        is_positive, place = (label == 1).byte().topk(most, dim=1)  # (B, K), positives first
        own = logits.gather(1, place)
        terms = (self.margin + logits[:, None] - own[..., None]).relu()  # (B, K, C)
        is_pair = (is_positive == 1)[..., None] & (label == 0)[:, None]
        terms = torch.where(is_pair, terms, 0)
        violations = (terms > 0).sum((1, 2)).clamp(min=1)  # V
        weight = len(label) / (counts > 0).sum().clamp(min=1).to(logits.dtype)
        return weight * terms.sum(1) / violations[:, None]


def _check_hard(label: Tensor) -> None:
    soft = label[(label != 1) & (label != 0) & (label != -1)]
    if len(soft):
        raise ValueError(
            f"RankingLoss compares positives (1) with negatives (0) and leaves unknown labels (-1) "
            f"out, got a label of {soft[0].item():g}; leave label smoothing and mixing of images "
            "out, or use loss=dict(type='mmsrdl.MultiLabelBCELoss')"
        )
