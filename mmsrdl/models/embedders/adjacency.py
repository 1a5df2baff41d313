"""The learned label graph of Eq. (3): initial values and normalisation."""

import torch
from torch import Tensor, nn

from mmsrdl.datasets.cooccurrence import conditional_probability

ADJACENCIES = ("random", "identity", "cooccurrence")
NORMALIZATIONS = ("symmetric", "row", "none")


def init_adjacency(kind: str, num_classes: int, counts: Tensor | None = None) -> Tensor:
    """Returns initial values of the adjacency V.

    Args:
        kind: ``'random'`` (the paper's: Xavier uniform, so entries of both
            signs), ``'identity'``, or ``'cooccurrence'`` (P(j | i) counted on
            the training labels).
        num_classes: C.
        counts: Co-occurrence counts for ``'cooccurrence'``, [C, C], class
            counts on the diagonal.

    Returns:
        V, [C, C].

    Raises:
        ValueError: If ``kind`` is unknown, or counts are missing or misshapen.
    """
    if kind == "random":
        return nn.init.xavier_uniform_(torch.empty(num_classes, num_classes))
    if kind == "identity":
        return torch.eye(num_classes)
    if kind == "cooccurrence":
        if counts is None or counts.shape != (num_classes, num_classes):
            found = None if counts is None else list(counts.shape)
            raise ValueError(
                f"adjacency='cooccurrence' needs counts [{num_classes}, {num_classes}], got "
                f"{found}; count them on a data set of these classes"
            )
        return conditional_probability(counts)
    raise ValueError(f"adjacency={kind!r} is unknown; use one of {ADJACENCIES}")


def normalize_adjacency(adjacency: Tensor, kind: str = "symmetric") -> Tensor:
    r"""Normalises V to the \hat V of Eq. (3); entries may be negative, rows may be zero.

    ``'symmetric'`` divides :math:`V_{ij}` by :math:`\sqrt{r_i q_j}`, with the absolute
    degrees :math:`r_i = \sum_j |V_{ij}|` and :math:`q_j = \sum_i |V_{ij}|`. For a symmetric
    non-negative V this is the usual :math:`D^{-1/2} V D^{-1/2}`; for any V its spectral norm
    is at most 1. ``'row'`` divides by :math:`r_i`. A zero degree counts as 1.

    Args:
        adjacency: V, [C, C].
        kind: ``'symmetric'``, ``'row'`` or ``'none'``.

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
    column = _safe(adjacency.abs().sum(0, keepdim=True))
    return adjacency * row.rsqrt() * column.rsqrt()


def _safe(degree: Tensor) -> Tensor:
    return torch.where(degree > 0, degree, torch.ones_like(degree))
