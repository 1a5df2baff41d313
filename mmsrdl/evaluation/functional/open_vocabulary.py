"""Figures of zero-shot learning (ZSL) and generalised zero-shot learning (GZSL)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from mmsrdl.evaluation.functional.average_precision import average_precision
from mmsrdl.evaluation.functional.cuts import check_choice
from mmsrdl.evaluation.functional.precision_recall import (
    harmonic_mean,
    micro_figures,
    topk_counts,
)
from mmsrdl.evaluation.functional.validation import check_scores_and_targets

__all__ = ["EmptyClasses", "Images", "open_vocabulary_figures"]

Images = Literal["all", "with_positive"]
EmptyClasses = Literal["left_out", "zero"]


def open_vocabulary_figures(
    scores: Tensor,
    targets: Tensor,
    unseen: Sequence[int],
    unseen_scores: Tensor | None = None,
    k: Sequence[int] = (3, 5),
    images: Images = "all",
    empty_classes: EmptyClasses = "left_out",
) -> dict[str, dict[str, float]]:
    r"""mAP, and precision, recall and F1 over the k highest of every image, of several parts.

    - ``ZSL``: the unseen classes among themselves, by ``unseen_scores``;
    - ``GZSL``: all classes, by ``scores``;
    - ``seen`` and ``unseen``: GZSL's predictions, the k highest among **all** classes, of which the
      entries of these classes are counted;
    - ``H``: the harmonic mean :math:`2ab / (a + b)` of ``seen`` and ``unseen``, of mAP and F1.

    ``P_top3`` is the share of correct ones among the predicted entries, ``R_top3`` that among the
    true ones, both over all images and classes; whatever the scores, k classes of an image are
    predicted, also of one without a positive. The literature (LESA, BiAM, MKT, SigRL) has ZSL and
    GZSL; H is Xian et al.'s of single labels (CVPR 2017), and applying it to these is ours.

    Args:
        scores: [N, C], any real number.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown, left out).
        unseen: Columns of the U unseen classes; the others are seen. With no other, ZSL is all.
        unseen_scores: Scores of the unseen classes where these alone were asked for, [N, U], for
            models whose score depends on which others are. None takes them from ``scores``.
        k: How many are predicted an image, for each k a figure.
        images: ``'all'``, as LESA, BiAM, MKT and SigRL; ``'with_positive'``: each part counts the
            images with a positive of its own alone, as QKS.
        empty_classes: Classes without a positive are ``'left_out'`` of mAP, as QKS, or have
            the AP ``'zero'``, as BiAM, MKT and SigRL.

    Returns:
        Part to ``mAP``, ``P_top3``, ``R_top3``, ``F1_top3`` and so on, fractions; mAP is NaN where
        no class has a positive and they are left out.

    Raises:
        TypeError: An entry of ``k`` is no integer.
        ValueError: An option is unknown, ``unseen`` is empty or holds no columns, an entry of ``k``
            is out of range, or the input is malformed (see :func:`check_scores_and_targets`).
    """
    check_choice("images", images, Images)
    check_choice("empty_classes", empty_classes, EmptyClasses)
    check_scores_and_targets(scores, targets)
    columns = torch.tensor(unseen, dtype=torch.int64, device=scores.device)
    if len(set(unseen)) < len(unseen) or not set(unseen) <= set(range(scores.shape[1])):
        raise ValueError(
            f"unseen must be distinct columns in 0, ..., {scores.shape[1] - 1}, got {list(unseen)}"
        )
    if not len(unseen):
        raise ValueError("unseen must hold at least one column, got none")
    own = scores[:, columns] if unseen_scores is None else unseen_scores
    everything = torch.arange(len(unseen), device=scores.device)
    rows = _parts(own, targets[:, columns], {"ZSL": everything}, k, images, empty_classes)
    is_seen = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device)
    is_seen[columns] = False
    if not is_seen.any():
        return rows
    parts = {
        "GZSL": torch.arange(scores.shape[1], device=scores.device),
        "seen": is_seen.nonzero().flatten(),
        "unseen": columns,
    }
    rows |= _parts(scores, targets, parts, k, images, empty_classes)
    rows["H"] = {
        key: harmonic_mean(rows["seen"][key], rows["unseen"][key])
        for key in ("mAP", *(f"F1_top{each}" for each in k))
    }
    return rows


def _parts(
    scores: Tensor,
    targets: Tensor,
    parts: Mapping[str, Tensor],
    k: Sequence[int],
    images: Images,
    empty_classes: EmptyClasses,
) -> dict[str, dict[str, float]]:
    """Returns the figures of several sets of columns of the same predictions."""
    rows: dict[str, dict[str, float]] = {}
    if images == "with_positive":
        for name, columns in parts.items():
            kept = (targets[:, columns] == 1).any(1)
            part = {name: columns}
            rows |= _parts(scores[kept], targets[kept], part, k, "all", empty_classes)
        return rows
    ap = average_precision(scores, targets)
    if empty_classes == "zero":
        ap = ap.nan_to_num(0.0)
    for name, columns in parts.items():
        rows[name] = {"mAP": ap[columns].nanmean().item()}
    for each in k:
        counts = topk_counts(scores, targets, each)
        for name, columns in parts.items():
            figures = micro_figures(counts[:, columns.cpu()])
            rows[name] |= {f"{key}_top{each}": value for key, value in figures._asdict().items()}
    return rows
