r"""The gated score as a few matrix products, where the gates are small.

An odd polynomial separates the two factors of the gate's argument,

.. math:: \tanh(a u) \approx \sum_m c_m a^{2m+1} u^{2m+1},

so that the sum over channels of w tanh(a u) is one matrix product a term: several times
faster on a CPU than the tanh of every position, class and channel. The polynomial is fitted
on the range that the arguments have, and its error is below float32's.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

# |a u| up to which a polynomial serves; beyond, its terms cancel each other in float32.
RANGES = (0.25, 0.5, 1.0, 1.5)
# Largest error of the polynomial's derivative; that of its value is far smaller.
TOLERANCE = 3e-7
# Rows of a and of u at a time: their powers take 8 MB each at D = 2048. Smaller blocks would be
# somewhat faster in cache, and far slower where the threads of a product wait for a shared core.
ROWS = 1024


@cache
def coefficients(limit: float) -> tuple[float, ...]:
    """Fits c_m of the shortest polynomial that equals tanh on [-limit, limit].

    Args:
        limit: Positive, at most 1.5.
    """
    z = np.linspace(limit / 1000, limit, 1000)
    for terms in range(2, 20):
        fit = np.polynomial.Chebyshev.interpolate(_tanh_ratio, terms - 1, domain=[0, limit**2])
        c = fit.convert(kind=np.polynomial.Polynomial).coef
        m = np.arange(terms)
        slope = (c * (2 * m + 1) * z[:, None] ** (2 * m)).sum(1)
        if np.abs(slope - np.cosh(z) ** -2.0).max() <= TOLERANCE:
            return tuple(c.tolist())
    raise ValueError(f"limit={limit!r}: no short polynomial equals tanh there; use at most 1.5")


def limits(position: Tensor, label: Tensor) -> list[tuple[Tensor, float | None]]:
    """Splits the channels by the size of their gates' arguments.

    Args:
        position: a, [R, D].
        label: u, [C, D].

    Returns:
        At most two pairs (which channels, [D], limit): those whose \\|a u\\| never exceeds
        the limit, one of :data:`RANGES`, and, with None, those for which no polynomial
        serves or pays.
    """
    largest = position.abs().amax(0) * label.abs().amax(0)  # NaN stays, and is no small gate
    small = largest <= RANGES[-1]
    count = int(small.sum())
    if count < len(small) / 4:
        return [(torch.ones_like(small), None)]
    top = largest[small].max().item()
    limit = next(limit for limit in RANGES if top <= limit)
    parts: list[tuple[Tensor, float | None]] = [(small, limit)]
    return parts if count == len(small) else [*parts, (~small, None)]


def _tanh_ratio(square: np.ndarray) -> np.ndarray:
    """Computes tanh(z) / z from z^2 > 0."""
    z = np.sqrt(np.maximum(square, 1e-16))
    return np.tanh(z) / z


def _balanced(position: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Makes both factors of every channel's gate about as large.

    Where |a u| is small but one of the two is large, its powers would exceed float32.

    Returns:
        a s, u / s and s, [D]: powers of two, so that the products of a and u stay the same.
    """
    tiny = torch.finfo(position.dtype).tiny
    a, u = (t.abs().amax(0).clamp(min=tiny).sqrt() for t in (position, label))
    scale = torch.ldexp(torch.ones_like(u), (u / a).frexp().exponent)
    return position * scale, label / scale, scale


def forward(position: Tensor, label: Tensor, weight: Tensor, limit: float) -> Tensor:
    """Computes s [R, C] from a [R, D], u [C, D] and w [D] with \\|a u\\| <= ``limit``."""
    first, *others = coefficients(limit)
    position, label, _ = _balanced(position, label)
    score = position.new_empty(len(position), len(label))
    for c in range(0, len(label), ROWS):
        u = label[c : c + ROWS]
        u_square = u.square()
        for r in range(0, len(position), ROWS):
            a = position[r : r + ROWS]
            a_square = a.square()
            u_power = u * weight
            block = torch.mm(a, u_power.t()).mul_(first)
            for coefficient in others:
                a, u_power = a * a_square, u_power * u_square
                block.addmm_(a, u_power.t(), alpha=coefficient)
            score[r : r + ROWS, c : c + ROWS] = block
    return score


def backward(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor, limit: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of a, u and w from that of s, [R, C]; see :func:`forward`."""
    d_position, d_label, d_weight = (t.new_zeros(t.shape) for t in (position, label, weight))
    position, label, scale = _balanced(position, label)
    for c in range(0, len(label), ROWS):
        u = label[c : c + ROWS]
        u_square = u.square()
        for r in range(0, len(position), ROWS):
            a, g = position[r : r + ROWS], grad[r : r + ROWS, c : c + ROWS].contiguous()
            d_a, d_u = d_position[r : r + ROWS], d_label[c : c + ROWS]
            a_square = a.square()
            a_odd, a_even, u_odd, u_even = a, torch.ones_like(a), u, torch.ones_like(u)
            for m, coefficient in enumerate(coefficients(limit)):
                if m:
                    a_odd, a_even = a_odd * a_square, a_even * a_square
                    u_odd, u_even = u_odd * u_square, u_even * u_square
                slope = coefficient * (2 * m + 1)
                d_a.addcmul_(g @ (u_odd * weight), a_even, value=slope)
                by_class = g.t() @ a_odd
                d_u.addcmul_(by_class, u_even, value=slope)
                d_weight.add_((by_class * u_odd).sum(0), alpha=coefficient)
    return d_position.mul_(scale), d_label.mul_(weight / scale), d_weight
