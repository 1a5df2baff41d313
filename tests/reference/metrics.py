"""Overall and per-class precision, recall and F1, Eqs. (14) to (16), as loops.

Symbols: for category i, N_i^c images predicted correctly (true positives), N_i^p images
predicted, N_i^g images of the ground truth.
"""

from __future__ import annotations

from torch import Tensor


def ratio(numerator: float, denominator: float) -> float:
    """numerator / denominator, and 0 for 0 / 0."""
    return numerator / denominator if denominator else 0.0


def precision_recall_f1(predicted: Tensor, y: Tensor) -> dict[str, float]:
    """OP, OR, OF1, CP, CR and CF1 in percent.

    Args:
        predicted: boolean [N, C].
        y: labels [N, C], 1 / 0, or -1 for unknown (left out).
    """
    N, C = y.shape
    N_c, N_p, N_g = [0] * C, [0] * C, [0] * C
    for i in range(C):
        for n in range(N):
            if y[n, i] == -1:
                continue
            N_p[i] += int(predicted[n, i])
            N_g[i] += int(y[n, i] == 1)
            N_c[i] += int(bool(predicted[n, i]) and bool(y[n, i] == 1))

    OP = 100 * ratio(sum(N_c), sum(N_p))  # Eq. (14)
    CP = 100 * sum(ratio(N_c[i], N_p[i]) for i in range(C)) / C  # Eq. (14)
    OR = 100 * ratio(sum(N_c), sum(N_g))  # Eq. (15)
    CR = 100 * sum(ratio(N_c[i], N_g[i]) for i in range(C)) / C  # Eq. (15)
    OF1 = ratio(2 * OP * OR, OP + OR)  # Eq. (16)
    CF1 = ratio(2 * CP * CR, CP + CR)  # Eq. (16)
    return {"OP": OP, "OR": OR, "OF1": OF1, "CP": CP, "CR": CR, "CF1": CF1}
