"""Category-specific attentional regions, Eqs. (2), (4), (5) and (6), as loops.

Symbols: n image, c category, k channel, (y, x) position; F [B, D, H, W] feature map (Eq. 1's
output), x [C, d'] label embeddings (called `emb` where x is a coordinate), CA [B, C, D] and
SA [B, C, H, W] attention in [0, 1], f [B, C, D] class features, psi the sigmoid.

A weight W [out, in] acts as in `torch.nn.Linear`: W z + b.
"""

from __future__ import annotations

import torch
from torch import Tensor


def linear(W: Tensor, z: Tensor, b: Tensor | None = None) -> Tensor:
    """W z + b for W [O, I], z [I] and b [O] (or none): [O]."""
    out = []
    for o in range(W.shape[0]):
        total = W.new_zeros(()) if b is None else b[o]
        for i in range(W.shape[1]):
            total = total + W[o, i] * z[i]
        out.append(total)
    return torch.stack(out)


def psi(z: Tensor) -> Tensor:
    """Sigmoid."""
    return torch.sigmoid(z)


def gmp(F_n: Tensor) -> Tensor:
    """Global max pooling of one map [D, H, W]: [D]; the first of equal maxima counts."""
    pooled = []
    for k in range(F_n.shape[0]):
        best = F_n[k, 0, 0]
        for y in range(F_n.shape[1]):
            for x in range(F_n.shape[2]):
                if F_n[k, y, x] > best:
                    best = F_n[k, y, x]
        pooled.append(best)
    return torch.stack(pooled)


def channel_attention(
    F: Tensor, emb: Tensor, W_ca: Tensor, W_w: Tensor, W_c: Tensor, b_c: Tensor
) -> Tensor:
    """CA [B, C, D] of F [B, D, H, W] and emb [C, d'], Eq. (4).

    Args:
        F: feature maps.
        emb: label embeddings.
        W_ca: [D, D], no bias.
        W_w: [D, d'], no bias.
        W_c: [D, D].
        b_c: [D].
    """
    rows = []
    for n in range(F.shape[0]):
        u = linear(W_ca, gmp(F[n]))  # f_ca(GMP(F^n))
        for c in range(emb.shape[0]):
            v = linear(W_w, emb[c])  # f_w(x_c)
            t = torch.stack([torch.tanh(u[k] * v[k]) for k in range(F.shape[1])])
            rows.append(psi(linear(W_c, t, b_c)))  # Eq. (4)
    return torch.stack(rows).reshape(F.shape[0], emb.shape[0], F.shape[1])


def spatial_attention(
    F: Tensor, emb: Tensor, W_sa: Tensor, W_w: Tensor, W_s: Tensor, b_s: Tensor | float
) -> Tensor:
    """SA [B, C, H, W] of F [B, D, H, W] and emb [C, d'], Eq. (5).

    f_s gives one number a position, as SA is in [0, 1]^{w x h} (the text's 2048-to-2048 is a slip).

    Args:
        F: feature maps.
        emb: label embeddings.
        W_sa: [D, D], no bias.
        W_w: [D, d'], no bias.
        W_s: [D].
        b_s: scalar.
    """
    B, D, H, W = F.shape
    values = []
    for n in range(B):
        for c in range(emb.shape[0]):
            v = linear(W_w, emb[c])  # f_w(x_c)
            for y in range(H):
                for x in range(W):
                    u = linear(W_sa, F[n, :, y, x])  # f_sa(F^n_{x,y})
                    s = F.new_zeros(()) + b_s
                    for k in range(D):
                        s = s + W_s[k] * torch.tanh(u[k] * v[k])
                    values.append(psi(s))  # Eq. (5)
    return torch.stack(values).reshape(B, emb.shape[0], H, W)


def attended_map(
    F_n: Tensor,
    CA_nc: Tensor | None,
    SA_nc: Tensor | None,
    w_s: float = 0.5,
    w_c: float = 0.5,
    channel_keep: Tensor | None = None,
) -> Tensor:
    """F_hat of one image and category [D, H, W], Eq. (6).

    Args:
        F_n: feature map [D, H, W].
        CA_nc: channel attention [D]; none leaves the branch out, then w_s is 1.
        SA_nc: spatial attention [H, W]; none leaves the branch out, then w_c is 1.
        w_s: weight of the spatial branch.
        w_c: weight of the channel branch.
        channel_keep: boolean [H, W]; the channel branch counts only where it is true.
    """
    if CA_nc is None and SA_nc is None:
        raise ValueError("CA_nc and SA_nc are both None: give at least one.")
    if CA_nc is None:
        w_s = 1.0
    if SA_nc is None:
        w_c = 1.0
    D, H, W = F_n.shape
    values = []
    for k in range(D):
        for y in range(H):
            for x in range(W):
                value = F_n.new_zeros(())
                if SA_nc is not None:
                    value = value + w_s * F_n[k, y, x] * SA_nc[y, x]  # Eq. (6), first term
                if CA_nc is not None and (channel_keep is None or channel_keep[y, x]):
                    value = value + w_c * F_n[k, y, x] * CA_nc[k]  # Eq. (6), second term
                values.append(value)
    return torch.stack(values).reshape(D, H, W)


def class_features(
    F: Tensor,
    CA: Tensor | None,
    SA: Tensor | None,
    w_s: float = 0.5,
    w_c: float = 0.5,
    channel_keep: Tensor | None = None,
) -> Tensor:
    """f [B, C, D]: Eq. (6), then global max pooling; arguments as in :func:`attended_map`.

    CA is [B, C, D] or none, SA is [B, C, H, W] or none, channel_keep is [B, C, H, W] or none.
    """
    given = SA if SA is not None else CA
    if given is None:
        raise ValueError("CA and SA are both None: give at least one.")
    B, C = given.shape[:2]
    rows = []
    for n in range(B):
        for c in range(C):
            F_hat = attended_map(
                F[n],
                None if CA is None else CA[n, c],
                None if SA is None else SA[n, c],
                w_s,
                w_c,
                None if channel_keep is None else channel_keep[n, c],
            )
            rows.append(gmp(F_hat))
    return torch.stack(rows).reshape(B, C, F.shape[1])


def logits(f: Tensor, W_phi: Tensor, b_phi: Tensor) -> Tensor:
    """phi([f_1, ..., f_C]) [B, C], the argument of the sigmoid in Eq. (2).

    Args:
        f: class features [B, C, D].
        W_phi: [C, D], one vector a category, or [D], shared.
        b_phi: [C], or a scalar tensor, shared.
    """
    B, C, D = f.shape
    out = []
    for n in range(B):
        for c in range(C):
            w = W_phi if W_phi.dim() == 1 else W_phi[c]
            z = b_phi if b_phi.dim() == 0 else b_phi[c]
            for k in range(D):
                z = z + w[k] * f[n, c, k]
            out.append(z)
    return torch.stack(out).reshape(B, C)


def probabilities(f: Tensor, W_phi: Tensor, b_phi: Tensor) -> Tensor:
    """p [B, C] in [0, 1]; arguments as in :func:`logits`."""
    return psi(logits(f, W_phi, b_phi))  # Eq. (2)


def car(
    F: Tensor,
    emb: Tensor,
    W_ca: Tensor,
    W_sa: Tensor,
    W_w: Tensor,
    W_c: Tensor,
    b_c: Tensor,
    W_s: Tensor,
    b_s: Tensor | float,
    w_s: float = 0.5,
    w_c: float = 0.5,
    use_ca: bool = True,
    use_sa: bool = True,
) -> tuple[Tensor | None, Tensor | None, Tensor]:
    """(CA, SA, f) of Eqs. (4), (5), (6) and pooling; a branch that is not used is none."""
    CA = channel_attention(F, emb, W_ca, W_w, W_c, b_c) if use_ca else None
    SA = spatial_attention(F, emb, W_sa, W_w, W_s, b_s) if use_sa else None
    return CA, SA, class_features(F, CA, SA, w_s, w_c)
