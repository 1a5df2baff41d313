"""Label graphs: initial values and normalisation."""

import torch
from torch import Tensor, nn

from mmsrdl.arguments import check_number
from mmsrdl.datasets.cooccurrence import Cooccurrence

ADJACENCIES = ("random", "identity", "cooccurrence")
NORMALIZATIONS = ("symmetric", "row", "transposed", "none")


def init_adjacency(kind: str, num_classes: int) -> Tensor:
    """Returns initial values of an adjacency V that is not made of label counts.

    Args:
        kind: ``'random'`` (the paper's: Xavier uniform, so entries of both
            signs) or ``'identity'``.
        num_classes: C.

    Returns:
        V, [C, C].

    Raises:
        ValueError: If ``kind`` is another one.
    """
    if kind == "random":
        return nn.init.xavier_uniform_(torch.empty(num_classes, num_classes))
    if kind == "identity":
        return torch.eye(num_classes)
    raise ValueError(f"adjacency={kind!r} is unknown; use 'random' or 'identity'")


def check_reweighting(threshold: object, neighbor_weight: object) -> None:
    """Refuses options that :func:`reweighted_adjacency` cannot use.

    Raises:
        TypeError: If one is no number.
        ValueError: If one is out of range.
    """
    check_number("threshold", threshold, low=0, high=1, example=0.4)
    check_number("neighbor_weight", neighbor_weight, low=0, example=0.25)


def reweighted_adjacency(
    counts: Cooccurrence, threshold: float = 0.4, neighbor_weight: float = 0.25
) -> Tensor:
    r"""Makes ML-GCN's graph of label counts.

    With :math:`B_{ij} = 1` where :math:`i \ne j` and :math:`P(j | i) \ge \tau`, else 0,

    .. math:: A_{ij} = \frac{w B_{ij}}{\sum_i B_{ij} + 10^{-6}} + [i = j]

    Source: ML-GCN (Chen et al., CVPR 2019), Eqs. (6)-(8), as in its public code: that has
    w = 0.25, which stands for p / (1 - p) with the paper's p = 0.2 (normalisation takes the
    common factor away), and divides by the sum of a column where the paper writes that of a row.

    Args:
        counts: [C, C]. P is judged by the images of i in which j is known; a class without a known
            positive has no neighbour but itself.
        threshold: tau; pairs below it are noise.
        neighbor_weight: w, what the neighbours weigh together, against 1 of the class itself.

    Returns:
        A, float64 [C, C].
    """
    images = counts.images.double()
    near = (images > 0) & (counts.positive / images.clamp(min=1) >= threshold)
    near = near.double().fill_diagonal_(0)
    return near * neighbor_weight / (near.sum(0) + 1e-6) + torch.eye(len(near)).to(near)


def normalize_adjacency(adjacency: Tensor, kind: str = "symmetric") -> Tensor:
    r"""Normalises V to the \hat V of Eq. (3); entries may be negative, rows may be zero.

    ``'symmetric'`` divides :math:`V_{ij}` by :math:`\sqrt{r_i q_j}`, with the absolute
    degrees :math:`r_i = \sum_j |V_{ij}|` and :math:`q_j = \sum_i |V_{ij}|`. For a symmetric
    non-negative V this is the usual :math:`D^{-1/2} V D^{-1/2}`; for any V its spectral norm
    is at most 1. ``'row'`` divides by :math:`r_i`. ``'transposed'`` is ML-GCN's,
    :math:`V_{ji} / \sqrt{r_i r_j}`: a class listens to those that V leads from. A zero degree
    counts as 1.

    Args:
        adjacency: V, [C, C].
        kind: ``'symmetric'``, ``'row'``, ``'transposed'`` or ``'none'``.

    Returns:
        \hat V, [C, C].

    Raises:
        ValueError: If ``kind`` is unknown.
    """
    if kind == "none":
        return adjacency
    if kind not in NORMALIZATIONS:
        raise ValueError(f"normalization={kind!r} is unknown; use one of {NORMALIZATIONS}")
    row = _safe(adjacency.abs().sum(1, keepdim=True))
    if kind == "row":
        return adjacency / row
    if kind == "transposed":
        return adjacency.T * row.rsqrt() * row.T.rsqrt()
    column = _safe(adjacency.abs().sum(0, keepdim=True))
    return adjacency * row.rsqrt() * column.rsqrt()


def _safe(degree: Tensor) -> Tensor:
    return torch.where(degree > 0, degree, torch.ones_like(degree))
