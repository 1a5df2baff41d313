"""SigRL's graph over labels (GMC), reconstruction (SVFR), scores, losses and figures, as loops.

Source: the public code of SigRL ("Semantic-guided Representation Learning", arXiv 2504.03801), of
labml.ai's GATv2 layer that it calls and of BiAM, whose evaluation it takes over. The papers could
not be read, so no equation numbers.

Symbols: P [B, N, D] patch tokens and q [B, D] class token, both projected to the labels' width and
of any length; t [C, D] label vectors, g [C, D] label vectors after GMC; n image, p position,
c, i, j labels, k channel. Labels y are 1 positive, 0 negative, -1 unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .car import linear
from .gcn import h as leaky_relu
from .gcn import matmul
from .metrics import ratio
from .protocols import mean_ap, rank_of

UNKNOWN = -1


def softmax(z: Sequence[Tensor]) -> list[Tensor]:
    """Softmax of scalars."""
    highest = max(float(value.detach()) for value in z)
    powers = [torch.exp(value - highest) for value in z]
    return [power / sum(powers) for power in powers]


def length(z: Tensor) -> Tensor:
    """L2 norm of a vector."""
    return torch.sqrt(sum((value * value for value in z), z.new_zeros(())))


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two vectors."""
    return linear(a[None], b)[0]


# GMC


def graph_attention(
    x: Tensor, W: Tensor, a: Tensor, heads: int, slope: float = 0.2
) -> tuple[Tensor, Tensor]:
    """One GATv2 layer over the complete graph with self loops: h [C, F] and alpha [heads, C, C].

    Brody et al., "How Attentive are Graph Attention Networks?", ICLR 2022, in labml.ai's form: one
    W for both ends of an edge, one a for all heads, no bias. Heads are concatenated.

    Args:
        x: nodes [C, D].
        W: [F, D]; head k has the rows k F / heads to (k + 1) F / heads.
        a: [F / heads].
        heads: number of heads.
        slope: of LeakyReLU.
    """
    C, width = x.shape[0], W.shape[0] // heads
    alphas, out = [], []
    for k in range(heads):
        W_k = W[k * width : (k + 1) * width]
        e = [linear(W_k, x[i]) for i in range(C)]
        rows, nodes = [], []
        for i in range(C):
            scores = []
            for j in range(C):
                z = e[i] + e[j]
                score = x.new_zeros(())
                for m in range(width):
                    score = score + a[m] * leaky_relu(z[m], slope)
                scores.append(score)
            alpha = softmax(scores)
            rows.append(torch.stack(alpha))
            nodes.append(sum(alpha[j] * e[j] for j in range(C)))
        alphas.append(torch.stack(rows))
        out.append(torch.stack(nodes))
    return torch.cat(out, dim=1), torch.stack(alphas)


def elu(z: Tensor) -> Tensor:
    """ELU of a scalar."""
    return z if z > 0 else torch.exp(z) - 1


def gmc(t: Tensor, W_1: Tensor, a_1: Tensor, W_2: Tensor, a_2: Tensor, heads: int = 4) -> Tensor:
    """g [C, D]: two GATv2 layers on the label vectors, ELU in between; no dropout.

    Args:
        t: label vectors [C, D].
        W_1: [hidden, D].
        a_1: [hidden / heads].
        W_2: [D, hidden], one head.
        a_2: [D].
        heads: of the first layer.
    """
    hidden, _ = graph_attention(t, W_1, a_1, heads)
    rows = [torch.stack([elu(value) for value in row]) for row in hidden]
    return graph_attention(torch.stack(rows), W_2, a_2, 1)[0]


# SVFR


def position_weights(P_n: Tensor, u_c: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
    """[N, D]: softmax over positions, for every channel, of W tanh(P_p * u_c) + b.

    Args:
        P_n: patch tokens of an image [N, D].
        u_c: vector of a label [D].
        W: [D, D].
        b: [D]; the softmax cancels it.
    """
    N, D = P_n.shape
    z = []
    for p in range(N):
        v = torch.stack([torch.tanh(P_n[p, k] * u_c[k]) for k in range(D)])
        z.append(linear(W, v, b))
    columns = [torch.stack(softmax([z[p][k] for p in range(N)])) for k in range(D)]
    return torch.stack(columns, dim=1)


def label_features(P: Tensor, t: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
    """s [B, C, D]: for every label the weighted sum of the patch tokens."""
    images = []
    for P_n in P:
        rows = []
        for t_c in t:
            w = position_weights(P_n, t_c, W, b)
            rows.append(sum(P_n[p] * w[p] for p in range(P.shape[1])))
        images.append(torch.stack(rows))
    return torch.stack(images)


def channel_matrix(s: Tensor, t: Tensor, eps: float = 1e-12) -> Tensor:
    """M [B, D, D]: rows of length 1 of ReLU(s^T t / (|s| |t|)).

    |s| is the norm over the whole batch, |t| over all labels, as the public code has them; any
    positive scale cancels in a row of length 1. A row of 0 stays 0.

    Args:
        s: features of the labels [B, C, D].
        t: label vectors [C, D].
        eps: the least length that divides.
    """
    B, C, D = s.shape
    scale = length(s.reshape(-1)) * length(t.reshape(-1))
    images = []
    for n in range(B):
        rows = []
        for k in range(D):
            row = []
            for m in range(D):
                total = s.new_zeros(())
                for c in range(C):
                    total = total + s[n, c, k] * t[c, m]
                row.append(total / scale if total > 0 else s.new_zeros(()))
            if any(float(value.detach()) > 0 for value in row):
                stacked = torch.stack(row)
                norm = length(stacked)
                rows.append(stacked / (norm if norm > eps else eps))
            else:
                rows.append(torch.stack(row))
        images.append(torch.stack(rows))
    return torch.stack(images)


def reconstructed(s: Tensor, M: Tensor) -> Tensor:
    """r [B, C, D] = s M, image by image."""
    return torch.stack([matmul(s[n], M[n]) for n in range(s.shape[0])])


def svfr(
    P: Tensor,
    t: Tensor,
    g: Tensor,
    W_3: Tensor,
    W_1: Tensor,
    V_3: Tensor,
    b_3: Tensor | None = None,
    c_3: Tensor | None = None,
) -> Tensor:
    """P' [B, N, D]: every patch token times the sum of its weights over the labels.

    Args:
        P: patch tokens [B, N, D].
        t: label vectors [C, D].
        g: label vectors after GMC [C, D].
        W_3: of the first half [D, D].
        W_1: of [r, g], [D, 2D], no bias.
        V_3: of the second half [D, D].
        b_3: of the first half [D].
        c_3: of the second half [D].
    """
    s = label_features(P, t, W_3, b_3)
    r = reconstructed(s, channel_matrix(s, t))
    images = []
    for n in range(P.shape[0]):
        weights = torch.zeros_like(P[n])
        for c in range(t.shape[0]):
            u = linear(W_1, torch.cat([r[n, c], g[c]]))
            weights = weights + position_weights(P[n], u, V_3, c_3)
        images.append(P[n] * weights)
    return torch.stack(images)


# Scores


def local_scores(P: Tensor, t: Tensor, k: int = 16, cosine: bool = False) -> Tensor:
    """[B, C]: mean of the k highest P_p . t_c of an image; with `cosine` of the two at length 1."""
    images = []
    for P_n in P:
        row = []
        for t_c in t:
            scores = [dot(P_p, t_c) for P_p in P_n]
            if cosine:
                pairs = zip(scores, P_n, strict=True)
                scores = [score / (length(P_p) * length(t_c)) for score, P_p in pairs]
            if k > len(scores):
                raise ValueError(f"k={k}: an image has {len(scores)} patches.")
            row.append(sum(sorted(scores, key=lambda z: float(z.detach()), reverse=True)[:k]) / k)
        images.append(torch.stack(row))
    return torch.stack(images)


def global_scores(q: Tensor, t: Tensor, cosine: bool = False) -> Tensor:
    """[B, C]: q . t_c; with `cosine` of the two at length 1."""
    images = []
    for q_n in q:
        row = [dot(q_n, t_c) / (length(q_n) * length(t_c) if cosine else 1) for t_c in t]
        images.append(torch.stack(row))
    return torch.stack(images)


def class_norm(scores: Tensor) -> Tensor:
    """Scores [B, C] of an image over their L2 norm over the labels: depends on the vocabulary."""
    return torch.stack([row / length(row) for row in scores])


def score(
    P: Tensor | None,
    q: Tensor | None,
    t: Tensor,
    k: int = 16,
    normalise: str = "class_l2",
    t_local: Tensor | None = None,
) -> Tensor:
    """[B, C]: the mean of the local and the global score, or the one of which there is a token.

    Args:
        P: patch tokens [B, N, D], after SVFR or not.
        q: class tokens [B, D].
        t: label vectors [C, D].
        k: of the local score.
        normalise: 'class_l2' (published), or 'cosine', which no other label has a part in.
        t_local: label vectors of the local score, if they are others: t + GMC(t) is the graph
            without SVFR (house definition).
    """
    cosine = normalise == "cosine"
    streams = [] if P is None else [local_scores(P, t if t_local is None else t_local, k, cosine)]
    streams += [] if q is None else [global_scores(q, t, cosine)]
    if not cosine:
        streams = [class_norm(stream) for stream in streams]
    return sum(streams) / len(streams)


# Losses


def ranking(scores: Tensor, y: Tensor, margin: float = 1.0, eps: float = 1e-8) -> Tensor:
    """Margin ranking of an image's positives above its negatives, mean over images.

    An image: sum over its pairs of max(0, margin + s_negative - s_positive) / (number of pairs
    where that is above 0 + eps). An image without a positive does not count; without any: 0. With
    eps = 0 it is the mean over these pairs, and 0 without any.
    """
    losses = []
    for s, labels in zip(scores, y, strict=True):
        positives = [c for c in range(len(s)) if labels[c] == 1]
        negatives = [c for c in range(len(s)) if labels[c] == 0]
        if not positives:
            continue
        total, active = s.sum() * 0, 0
        for i in positives:
            for j in negatives:
                hinge = margin + s[j] - s[i]
                if hinge > 0:
                    total, active = total + hinge, active + 1
        losses.append(total / (active + eps if active else 1))
    return sum(losses) / len(losses) if losses else scores.sum() * 0


def distillation(q: Tensor, teacher: Tensor) -> Tensor:
    """Mean absolute difference of class tokens [B, D] to those of the teacher, lengths included."""
    total = q.new_zeros(())
    for n in range(q.shape[0]):
        for k in range(q.shape[1]):
            total = total + torch.abs(q[n, k] - teacher[n, k].detach())
    return total / (q.shape[0] * q.shape[1])


# Evaluation


def harmonic_mean(a: float, b: float) -> float:
    """2 a b / (a + b), and 0 of two zeros."""
    return ratio(2 * a * b, a + b)


def top_k_counts(scores: list, labels: list, k: int, columns: Sequence[int]) -> dict[str, float]:
    """P, R and F1 in percent, of the k highest of all columns, counted in `columns`.

    Of equal scores the first column comes first. Unknown labels take a place and count nowhere.
    """
    correct = predicted = true = 0
    for row, truth in zip(scores, labels, strict=True):
        for c in columns:
            if truth[c] == UNKNOWN:
                continue
            chosen = rank_of(row, c) <= k
            predicted += chosen
            true += truth[c] == 1
            correct += chosen and truth[c] == 1
    P, R = 100 * ratio(correct, predicted), 100 * ratio(correct, true)
    return {"P": P, "R": R, "F1": harmonic_mean(P, R)}


def part_figures(
    scores: list,
    labels: list,
    columns: Sequence[int],
    ks: Sequence[int],
    images: str,
    empty_classes: str,
) -> dict[str, float]:
    """mAP of `columns` and P, R, F1 at each k, see :func:`open_vocabulary`."""
    if images == "with_positive":
        keep = [n for n, row in enumerate(labels) if any(row[c] == 1 for c in columns)]
        scores, labels = [scores[n] for n in keep], [labels[n] for n in keep]
    truth = [[None if row[c] == UNKNOWN else int(row[c]) for c in columns] for row in labels]
    used = [i for i in range(len(columns)) if any(row[i] == 1 for row in truth)]
    mAP = 0.0 if empty_classes == "zero" else float("nan")
    if used:
        mAP = mean_ap(
            [[row[columns[i]] for i in used] for row in scores],
            [[row[i] for i in used] for row in truth],
            interpolated=False,
        )
        if empty_classes == "zero":
            mAP *= len(used) / len(columns)
    found = {"mAP": mAP}
    for k in ks:
        counts = top_k_counts(scores, labels, k, columns)
        found |= {f"{name}@{k}": value for name, value in counts.items()}
    return found


def open_vocabulary(
    scores: list,
    labels: list,
    unseen: Sequence[int],
    zsl_scores: list | None = None,
    ks: Sequence[int] = (3, 5),
    images: str = "all",
    empty_classes: str = "left_out",
) -> dict[str, dict[str, float]]:
    """ZSL and GZSL in percent: 'zsl', 'gzsl', its 'seen' and 'unseen' columns and their 'H'.

    ZSL ranks the unseen labels alone, GZSL all of them. 'seen' and 'unseen' are GZSL's own scores
    and its top k of all labels, counted in those columns. H, of mAP and F1@k, is a house
    definition.

    Args:
        scores: [N][C] over the whole vocabulary.
        labels: [N][C] of 1, 0 and -1.
        unseen: columns of the unseen labels.
        zsl_scores: [N][U] of the unseen labels as a vocabulary of their own; without, their
            columns of `scores`.
        ks: numbers of highest labels an image.
        images: 'all' (BiAM, MKT, SigRL), or 'with_positive' in the part's columns (QKS).
        empty_classes: what a class without a positive counts in mAP: 'left_out' or 'zero' (BiAM,
            MKT, SigRL). NaN if all are left out.
    """
    C = len(labels[0])
    seen = [c for c in range(C) if c not in unseen]
    if zsl_scores is None:
        zsl_scores = [[row[c] for c in unseen] for row in scores]
    zsl_labels = [[row[c] for c in unseen] for row in labels]
    rules = (ks, images, empty_classes)
    found = {
        "zsl": part_figures(zsl_scores, zsl_labels, range(len(unseen)), *rules),
        "gzsl": part_figures(scores, labels, range(C), *rules),
        "seen": part_figures(scores, labels, seen, *rules),
        "unseen": part_figures(scores, labels, list(unseen), *rules),
    }
    shared = ["mAP", *(f"F1@{k}" for k in ks)]
    found["H"] = {
        name: harmonic_mean(found["seen"][name], found["unseen"][name]) for name in shared
    }
    return found
