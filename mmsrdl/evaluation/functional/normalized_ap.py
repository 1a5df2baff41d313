r"""Average precision as if classes and groups of images had equally many positives.

Source: Hoiem, Chodpathumwan and Dai, "Diagnosing Error in Object Detectors", ECCV 2012, Sec. 2.2.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from mmsrdl.arguments import check_number
from mmsrdl.evaluation.functional.cuts import check_choice
from mmsrdl.evaluation.functional.validation import check_scores_and_targets

__all__ = ["GroupsOf", "normalized_average_precision"]

GroupsOf = Literal["positives", "negatives"]

MAX_ENTRIES = 2**23
"""Images times replicates that are worked on at a time; bounds the working memory."""


def normalized_average_precision(
    scores: Tensor,
    targets: Tensor,
    positives: float,
    groups: Sequence[Tensor] | None = None,
    of: GroupsOf = "positives",
    weights: Tensor | None = None,
) -> Tensor:
    r"""Average precision of groups of a class's images, at a number of positives that is set.

    AP rises with the share of positives, so that those of groups of different sizes say little of
    each other. Hoiem et al. put a constant N in place of the number of positives:

    .. math:: P_N(s) = \frac{R(s) N}{R(s) N + F(s)}, \qquad AP_N = \frac{1}{n} \sum_i P_N(s_i)

    over the scores :math:`s_i` of the group's n positives, with the recall R(s), the share of
    them that score s or higher, and F(s), the number of negatives that do. With N = n it is the
    raw :func:`average_precision`. Equal scores form one threshold, so that neither the order of
    images nor a monotone change of the scores matters.

    With ``of='positives'``, a group's positives stand against all negatives. With
    ``of='negatives'``, all positives stand against the negatives of a group, as if all M negatives
    of the class were of that kind: F(s) is M times the share of the group's negatives that score s
    or higher. This mirrored use is ours. Groups of fewer than some 100 negatives read high, by
    several points, as precision is convex in F (docs/context.md).

    Args:
        scores: [N, C], any real number.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown). Entries of -1 are left out.
        positives: N of the formula, the number of positives that precision is figured for; above 0.
        groups: Which entries belong to each of G groups, bool [N, C]; they may overlap. None: one
            group of all.
        of: Of what they are groups, ``'positives'`` or ``'negatives'``.
        weights: How often each image counts, whole numbers of 0 or more [N, R], such as those of
            :func:`resampled_counts`. None: each counts once, and R is 1.

    Returns:
        [R, G, C], float64 on the CPU; NaN without a positive (of the group), and for a group of
        negatives that has none.

    Raises:
        TypeError: ``positives`` is no number.
        ValueError: ``positives`` is not above 0, ``of`` is unknown, a shape does not fit, or the
            input is malformed (see :func:`check_scores_and_targets`).
    """
    check_choice("of", of, GroupsOf)
    check_number("positives", positives, low=0, example=50)
    if positives == 0:
        raise ValueError("positives=0 must be above 0, such as the mean of the classes")
    check_scores_and_targets(scores, targets)
    groups = [torch.ones_like(targets, dtype=torch.bool)] if groups is None else list(groups)
    if weights is None:
        weights = torch.ones(len(scores), 1, dtype=torch.uint8)
    for group in groups:
        if group.dtype != torch.bool or group.shape != targets.shape:
            raise ValueError(
                f"groups must be bool of the shape {list(targets.shape)} of targets, got "
                f"{group.dtype} {list(group.shape)}"
            )
    if weights.ndim != 2 or len(weights) != len(scores):
        raise ValueError(
            f"weights must be [{len(scores)}, R], a row an image, got {list(weights.shape)}"
        )
    scores, targets = scores.detach().cpu().double(), targets.cpu()
    members = torch.stack(groups, dim=-1).cpu()  # (N, C, G)
    out = torch.full((weights.shape[1], len(groups), scores.shape[1]), torch.nan).double()
    step = max(1, MAX_ENTRIES // max(1, len(scores)))
    for start in range(0, len(out), step):
        # Sums of fewer than 2^24 are exact in single precision.
        counts = weights[:, start : start + step].cpu().float()
        for c in range(scores.shape[1]):
            columns = (scores[:, c], targets[:, c], members[:, c])
            out[start : start + step, :, c] = _of_class(*columns, positives, of, counts)
    return out


def _of_class(
    scores: Tensor, targets: Tensor, groups: Tensor, positives: float, of: GroupsOf, weights: Tensor
) -> Tensor:
    """AP of one class, [R, G]; the groups are [N, G]."""
    found = (targets == 1).nonzero().flatten()
    found = found[scores[found].argsort(descending=True)]
    negative = (targets == 0).nonzero().flatten()
    out = torch.full((weights.shape[1], groups.shape[1]), torch.nan).double()
    if not len(found):
        return out
    levels, counts = scores[found], weights[found]
    if of == "positives":
        alarms = _reaching(levels, scores, negative, weights)
        for g, own in enumerate(groups[found].T):
            if own.any():
                out[:, g] = _mean_precision(levels[own], counts[own], alarms[own], positives)
        return out
    everything = weights[negative].double().sum(0)
    for g, own in enumerate(groups[negative].T):
        rows = negative[own]
        scale = everything / weights[rows].sum(0)  # NaN without a negative
        alarms = _reaching(levels, scores, rows, weights) * scale
        out[:, g] = _mean_precision(levels, counts, alarms, positives)
    return out


def _reaching(levels: Tensor, scores: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Weight of the rows that score each level or higher.

    Args:
        levels: [P], descending.
        scores: [N].
        rows: [n], some of the images.
        weights: [N, R].

    Returns:
        [P, R], float64.
    """
    # The first level that each row reaches; the last ones reach none.
    place = torch.searchsorted(-levels, -scores[rows])
    reaches = place < len(levels)
    sums = torch.zeros(len(levels), weights.shape[1])
    sums.index_add_(0, place[reaches], weights[rows[reaches]])
    return sums.double().cumsum(0)


def _mean_precision(levels: Tensor, weights: Tensor, alarms: Tensor, positives: float) -> Tensor:
    """AP_N of positives whose scores [P] descend, [R]; weights and alarms are [P, R]."""
    weights = weights.double()
    last = torch.searchsorted(-levels, -levels, right=True) - 1  # of equal scores
    found = weights.cumsum(0)[last]
    total = found[-1]
    expected = found * (positives / total)  # R(s) N
    # 0 / 0 only where the weight of the positive is 0.
    precision = (expected / (expected + alarms)).masked_fill(found == 0, 0)
    return (weights * precision).sum(0) / total
