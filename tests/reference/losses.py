"""Original and erased binary cross entropy, Eqs. (11) to (13), as loops.

Symbols: y [B, C] labels 1 / 0, or -1 for unknown (left out); p = psi(logits) and p_hat the
probabilities before and after erasing. The paper's Eqs. (11) and (12) lack the minus sign.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from .car import class_features, logits
from .oe import erased_mask, top_k


def bce(
    z: Tensor, y: Tensor, reduction: str = "batchmean", counted: Tensor | None = None
) -> Tensor:
    """Binary cross entropy of logits z [B, C] against y [B, C], Eqs. (11) and (12): a scalar.

    log p = log psi(z) and log(1 - p) = log psi(-z), as 1 - psi(z) = psi(-z).

    Args:
        z: logits.
        y: labels, -1 = left out.
        reduction: 'sum' over all (the paper); 'batchmean' that sum over B; 'mean' that sum over
            the number of its terms (0 if there are none).
        counted: boolean [B, C]; only true entries are summed.
    """
    B, C = z.shape
    total = z.sum() * 0  # keeps the graph when no entry is known
    terms = 0
    for n in range(B):
        for c in range(C):
            if y[n, c] == -1 or (counted is not None and not counted[n, c]):
                continue
            log_p, log_1p = logsigmoid(z[n, c]), logsigmoid(-z[n, c])
            total = total - (y[n, c] * log_p + (1 - y[n, c]) * log_1p)  # Eqs. (11), (12)
            terms += 1
    if reduction == "sum":
        return total
    if reduction == "batchmean":
        return total / B
    if reduction == "mean":
        return total / max(terms, 1)
    raise ValueError(f"reduction={reduction!r}: take 'sum', 'batchmean' or 'mean'.")


def erased_logits(
    F: Tensor,
    CA: Tensor | None,
    SA: Tensor,
    W_phi: Tensor,
    b_phi: Tensor,
    K: int = 3,
    alpha: float = 0.5,
    region: str = "rectangle",
    erase_channel: bool = False,
    w_s: float = 0.5,
    w_c: float = 0.5,
) -> tuple[Tensor, Tensor, Tensor]:
    """(z, z_hat, selected), each [B, C]: logits, logits after erasing, and who was erased.

    The K categories of largest score of each image have SA set to zero in the erased region; the
    others keep their logit, with its gradient. The mask itself has none.

    Args:
        F: feature maps [B, D, H, W].
        CA: channel attention [B, C, D], or none.
        SA: spatial attention [B, C, H, W].
        W_phi: classifier weights, [C, D] or [D].
        b_phi: classifier biases, [C] or a scalar tensor.
        K: number of categories to erase.
        alpha: threshold of the marginals.
        region: 'rectangle' or 'cross'.
        erase_channel: erase the channel branch at the erased positions too.
        w_s: weight of the spatial branch.
        w_c: weight of the channel branch.
    """
    B, C, H, W = SA.shape
    z = logits(class_features(F, CA, SA, w_s, w_c), W_phi, b_phi)
    selected = torch.zeros(B, C, dtype=torch.bool)
    keep = torch.ones(B, C, H, W, dtype=torch.bool)
    for n in range(B):
        for c in top_k(z[n].detach(), K):
            selected[n, c] = True
            keep[n, c] = ~erased_mask(SA[n, c], alpha, region)

    SA_hat = SA * keep.to(SA.dtype)
    f_hat = class_features(F, CA, SA_hat, w_s, w_c, keep if erase_channel else None)
    z_all = logits(f_hat, W_phi, b_phi)
    z_hat = []
    for n in range(B):
        for c in range(C):
            z_hat.append(z_all[n, c] if selected[n, c] else z[n, c])
    return z, torch.stack(z_hat).reshape(B, C), selected


def srdl_loss(
    F: Tensor,
    CA: Tensor | None,
    SA: Tensor,
    W_phi: Tensor,
    b_phi: Tensor,
    y: Tensor,
    K: int = 3,
    alpha: float = 0.5,
    region: str = "rectangle",
    erase_channel: bool = False,
    w_s: float = 0.5,
    w_c: float = 0.5,
    reduction: str = "batchmean",
    era_classes: str = "all",
) -> tuple[Tensor, Tensor]:
    """(loss_ori, loss_era), Eqs. (11) and (12); Eq. (13) is their sum, see :func:`total_loss`.

    Arguments as in :func:`erased_logits` and :func:`bce`, and `era_classes`: 'all' sums loss_era
    over all categories, 'selected' over the K selected ones of each image.
    """
    if era_classes not in ("all", "selected"):
        raise ValueError(f"era_classes={era_classes!r}: take 'all' or 'selected'.")
    z, z_hat, selected = erased_logits(
        F, CA, SA, W_phi, b_phi, K, alpha, region, erase_channel, w_s, w_c
    )
    loss_ori = bce(z, y, reduction)  # Eq. (11)
    counted = selected if era_classes == "selected" else None
    loss_era = bce(z_hat, y, reduction, counted)  # Eq. (12)
    return loss_ori, loss_era


def total_loss(loss_ori: Tensor, loss_era: Tensor) -> Tensor:
    """L = L_ori + L_era, Eq. (13)."""
    return loss_ori + loss_era  # Eq. (13)
