"""Losses and observation of scarce labels, as loops.

Labels y are 1 positive, 0 negative, -1 unknown; between 0 and 1 they are soft. Symbols: z logits,
p = psi(z), C classes, B images of the batch, N images of the data set.

Written from the papers and what their authors published. Papers and public code divide by B * C;
'batchmean', which divides by B, is C times that, regularisers included. Public code takes
log(p + 1e-5); here as in the papers log p. The papers on one positive label know no negatives: a
known negative here counts -log(1 - p), the counterpart of a known positive. 1 - psi(z) is computed
as psi(-z), which is exact near p = 1.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from math import log

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

UNKNOWN = -1


def entries(z: Tensor) -> Iterator[tuple[int, int]]:
    """All (n, c)."""
    for n in range(z.shape[0]):
        for c in range(z.shape[1]):
            yield n, c


def reduce(total: Tensor, z: Tensor, reduction: str) -> Tensor:
    """A sum over all entries to 'batchmean' or 'mean'."""
    B, C = z.shape
    if reduction == "batchmean":
        return total / B
    if reduction == "mean":
        return total / (B * C)
    raise ValueError(f"reduction={reduction!r}: take 'batchmean' or 'mean'.")


def nll(z: Tensor, y: Tensor | float) -> Tensor:
    """-y log p - (1 - y) log(1 - p) of a scalar."""
    return -(y * logsigmoid(z) + (1 - y) * logsigmoid(-z))


def entropy(z: Tensor) -> Tensor:
    """H(p) = -p log p - (1 - p) log(1 - p) of a scalar; no target, so gradient through both."""
    return -(torch.sigmoid(z) * logsigmoid(z) + torch.sigmoid(-z) * logsigmoid(-z))


# Durand et al., "Learning a Deep ConvNet for Multi-label Classification with Partial Labels",
# CVPR 2019.


def partial_bce(
    z: Tensor,
    y: Tensor,
    alpha: float = -4.45,
    beta: float = 5.45,
    gamma: float = 1.0,
    reduction: str = "batchmean",
) -> Tensor:
    """Eq. (2): g(p_y) / C times the sum over the known labels of an image, mean over images."""
    B, C = z.shape
    total = z.sum() * 0
    for n in range(B):
        known = [c for c in range(C) if y[n, c] != UNKNOWN]
        for c in known:
            g = alpha * (len(known) / C) ** gamma + beta  # Eq. (3)
            total = total + g * nll(z[n, c], y[n, c])
    return reduce(total, z, reduction)


# Cole et al., "Multi-Label Learning from Single Positive Labels", CVPR 2021.


def an(z: Tensor, y: Tensor, reduction: str = "batchmean") -> Tensor:
    """Assume negative: an unknown label is 0."""
    total = z.sum() * 0
    for n, c in entries(z):
        total = total + nll(z[n, c], 0.0 if y[n, c] == UNKNOWN else y[n, c])
    return reduce(total, z, reduction)


def an_ls(z: Tensor, y: Tensor, share: float = 0.05, reduction: str = "batchmean") -> Tensor:
    """Assume negative with label smoothing of known and unknown labels.

    `share` is what goes to the other side: the paper's epsilon / 2 with epsilon = 0.1. The public
    code gives the whole 0.1.
    """
    total = z.sum() * 0
    for n, c in entries(z):
        label = 0.0 if y[n, c] == UNKNOWN else y[n, c]
        total = total + (1 - share) * nll(z[n, c], label) + share * nll(z[n, c], 1 - label)
    return reduce(total, z, reduction)


def wan(z: Tensor, y: Tensor, weight: float | None = None, reduction: str = "batchmean") -> Tensor:
    """Weak assume negative: assumed negatives weigh 1 / (C - 1), or `weight`."""
    weight = 1 / (z.shape[1] - 1) if weight is None else weight
    total = z.sum() * 0
    for n, c in entries(z):
        if y[n, c] == UNKNOWN:
            total = total + weight * nll(z[n, c], 0.0)
        else:
            total = total + nll(z[n, c], y[n, c])
    return reduce(total, z, reduction)


def expected_positives(z: Tensor, k: float, reduction: str = "batchmean") -> Tensor:
    """R_k = ((k_hat - k) / C)^2, k_hat the mean over images of the sum of p."""
    B, C = z.shape
    k_hat = z.sum() * 0
    for n, c in entries(z):
        k_hat = k_hat + torch.sigmoid(z[n, c]) / B
    # reduce() divides by B * C, or by B alone, which is C times R_k
    return reduce(((k_hat - k) / C) ** 2 * B * C, z, reduction)


def observed(z: Tensor, y: Tensor, reduction: str = "batchmean") -> Tensor:
    """The known labels alone; the paper's L_BCE+ where these are positives."""
    total = z.sum() * 0
    for n, c in entries(z):
        if y[n, c] != UNKNOWN:
            total = total + nll(z[n, c], y[n, c])
    return reduce(total, z, reduction)


def epr(z: Tensor, y: Tensor, k: float, reduction: str = "batchmean") -> Tensor:
    """Expected positive regularisation: known labels and R_k."""
    return observed(z, y, reduction) + expected_positives(z, k, reduction)


def cross(z: Tensor, target: Tensor, reduction: str = "batchmean") -> Tensor:
    """Cross entropy of z with the probabilities of other logits, which get no gradient."""
    total = z.sum() * 0
    for n, c in entries(z):
        total = total + nll(z[n, c], torch.sigmoid(target[n, c]).detach())
    return reduce(total, z, reduction)


def role(z: Tensor, theta: Tensor, y: Tensor, k: float, reduction: str = "batchmean") -> Tensor:
    """Regularised online label estimation: classifier and label estimator teach each other.

    Args:
        z: logits of the classifier, [B, C].
        theta: logits of the label estimator for the same images, [B, C].
        y: observed labels, [B, C].
        k: expected positives of an image.
        reduction: as everywhere.
    """
    classifier = cross(z, theta, reduction) + epr(z, y, k, reduction)
    estimator = cross(theta, z, reduction) + epr(theta, y, k, reduction)
    return (classifier + estimator) / 2


def role_start(y: Tensor, u: Tensor) -> Tensor:
    """theta [N, C] at the start from observed labels and draws u of [0, 1).

    Known labels are estimated as 0.995 and 0.005. Unknown ones have logits that are uniform around
    0, up to that of 0.6, so estimates between 0.4 and 0.6.
    """
    theta = torch.zeros(y.shape, dtype=torch.float64)
    for n, c in entries(y):
        if y[n, c] == 1:
            theta[n, c] = log(0.995 / 0.005)
        elif y[n, c] == 0:
            theta[n, c] = log(0.005 / 0.995)
        else:
            theta[n, c] = log(0.6 / 0.4) * (2 * float(u[n, c]) - 1)
    return theta


# Zhou et al., "Acknowledging the Unknown for Multi-label Learning with Single Positive Labels",
# ECCV 2022.


def em(z: Tensor, y: Tensor, alpha: float, reduction: str = "batchmean") -> Tensor:
    """Entropy maximisation: -alpha H(p) of unknown labels."""
    return em_apl(z, y, torch.full(z.shape, float("nan")), alpha, 0.0, reduction)


def em_apl(
    z: Tensor,
    y: Tensor,
    pseudo: Tensor,
    alpha: float,
    beta: float,
    reduction: str = "batchmean",
) -> Tensor:
    """EM with asymmetric pseudo-labels.

    `pseudo` [B, C] is the probability that an unknown label was given, or NaN for none.
    """
    total = z.sum() * 0
    for n, c in entries(z):
        if y[n, c] != UNKNOWN:
            term = nll(z[n, c], y[n, c])
        elif pseudo[n, c].isnan():
            term = -alpha * entropy(z[n, c])
        else:
            term = beta * nll(z[n, c], pseudo[n, c])
        total = total + term
    return reduce(total, z, reduction)


def apl_update(
    p: Tensor, y: Tensor, pseudo: Tensor, share: float, epochs: int, warmup: int
) -> Tensor:
    """The pseudo-labels [N, C] after one more update, NaN for none.

    In each class the entries of lowest probability among those still without a label get theirs,
    for good. There are `epochs` - `warmup` updates, each of as many entries: together `share` of
    the labels that are unknown in y. The first comes when `warmup` epochs are over, none after the
    last epoch.

    Args:
        p: probabilities of all images under the model of now, [N, C].
        y: observed labels, [N, C].
        pseudo: pseudo-labels so far, [N, C].
        share: the paper's theta.
        epochs: all epochs.
        warmup: epochs before the first update.
    """
    N, C = y.shape
    new = pseudo.clone()
    for c in range(C):
        unknown = [n for n in range(N) if y[n, c] == UNKNOWN]
        count = int(share * len(unknown) / (epochs - warmup))
        free = [n for n in unknown if pseudo[n, c].isnan()]
        for n in sorted(free, key=lambda n: (float(p[n, c]), n))[:count]:
            new[n, c] = p[n, c]
    return new


# Xing et al., "Vision-Language Pseudo-Labels for Single-Positive Multi-Label Learning" (VLPL), and
# the asymmetric form EM_PL_ASL of its public code, which that of SigRL offers too.


def class_shares(cosines: Tensor, temperature: float) -> Tensor:
    """exp(s_c / T) over its sum over the classes, of cosines s [B, C]."""
    shares = torch.empty_like(cosines)
    for n, c in entries(cosines):
        shares[n, c] = 1 / sum(((s - cosines[n, c]) / temperature).exp() for s in cosines[n])
    return shares


def vlpl_labels(
    scores: Tensor, y: Tensor, threshold: float = 0.3, negative_share: float = 0.0
) -> Tensor:
    """Pseudo-labels [B, C] of unknown entries, 1 / 0 / -1 for none; known entries are -1.

    A score above `threshold` makes a positive, and the int(negative_share * C) lowest scores of
    the row a negative, whatever their size. The lowest are sought among all classes of the image.
    """
    B, C = scores.shape
    pseudo = torch.full((B, C), float(UNKNOWN))
    for n in range(B):
        lowest = sorted(range(C), key=lambda c: float(scores[n, c]))[: int(negative_share * C)]
        for c in range(C):
            if y[n, c] != UNKNOWN:
                continue
            if c in lowest:
                pseudo[n, c] = 0
            elif scores[n, c] > threshold:
                pseudo[n, c] = 1
    return pseudo


def vlpl(
    z: Tensor,
    y: Tensor,
    pseudo: Tensor,
    alpha: float,
    beta_pos: float = 0.7,
    beta_neg: float = 0.0,
    smoothing: float = 0.1,
    reduction: str = "batchmean",
) -> Tensor:
    """EM with smoothed pseudo-labels [B, C] of a vision-language model, 1 / 0 / -1 for none."""
    total = z.sum() * 0
    for n, c in entries(z):
        if y[n, c] != UNKNOWN:
            term = nll(z[n, c], y[n, c])
        elif pseudo[n, c] == 1:
            term = beta_pos * nll(z[n, c], 1 - smoothing)
        elif pseudo[n, c] == 0:
            term = beta_neg * nll(z[n, c], smoothing)
        else:
            term = -alpha * entropy(z[n, c])
        total = total + term
    return reduce(total, z, reduction)


def vlpl_asymmetric(
    z: Tensor,
    y: Tensor,
    pseudo: Tensor,
    gamma_pos: float = 2.0,
    gamma_neg: float = 4.0,
    gamma_unknown: float = 4.0,
    focus_gradient: bool = True,
    reduction: str = "batchmean",
) -> Tensor:
    """EM_PL_ASL: focused terms of known and pseudo-labels alike, focused entropy, no other weight.

    Of a soft label, of which the code knows none, both terms count, as in ASL's Eq. (1).

    The public code has gradient flow through the factors (`focus_gradient`), has no shift of the
    probability (it computes one that nothing takes), and no alpha.
    """

    def focus(factor: Tensor) -> Tensor:
        return factor if focus_gradient else factor.detach()

    total = z.sum() * 0
    for n, c in entries(z):
        p, q = torch.sigmoid(z[n, c]), torch.sigmoid(-z[n, c])
        label = pseudo[n, c] if y[n, c] == UNKNOWN else y[n, c]
        if label == UNKNOWN:
            term = -focus(q**gamma_unknown) * entropy(z[n, c])
        else:
            term = -label * focus(q**gamma_pos) * logsigmoid(z[n, c])
            term = term - (1 - label) * focus(p**gamma_neg) * logsigmoid(-z[n, c])
        total = total + term
    return reduce(total, z, reduction)


# Ridnik et al., "Asymmetric Loss For Multi-Label Classification", ICCV 2021.


def asl(
    z: Tensor,
    y: Tensor,
    gamma_pos: float = 0.0,
    gamma_neg: float = 4.0,
    m: float = 0.05,
    focus_gradient: bool = False,
    reduction: str = "batchmean",
) -> Tensor:
    """Asymmetric loss of known labels, Eq. (1): -y L_+ - (1 - y) L_-, soft ones too.

    The released code, of hard labels the same, mixes both sides of a soft one to a single factor.
    Without `focus_gradient` the factors are constants, as in the published training.
    """
    total = z.sum() * 0
    for n, c in entries(z):
        label = y[n, c]
        if label == UNKNOWN:
            continue
        p, q = torch.sigmoid(z[n, c]), torch.sigmoid(-z[n, c])
        p_m = p - m if p > m else p * 0
        focus_pos, focus_neg = q**gamma_pos, p_m**gamma_neg
        if not focus_gradient:
            focus_pos, focus_neg = focus_pos.detach(), focus_neg.detach()
        log_p, log_q = logsigmoid(z[n, c]), torch.log(q + m if p > m else q * 0 + 1)  # 1 - p_m
        total = total - label * focus_pos * log_p - (1 - label) * focus_neg * log_q
    return reduce(total, z, reduction)


# Which labels are kept, and which images.


def draws(seed: int, image: str, classes: Sequence[str]) -> dict[str, float]:
    """One number of [0, 1) for each class from the seed, the image's name and the class list.

    Bits 0 to 63 of the hash, the lowest byte first, are for the first class by name, and so on. Of
    64 bits the upper 53 count.
    """
    text = "mmsrdl observation v1\0" + str(seed) + "\0" + image
    digest = hashlib.shake_256(text.encode()).digest(8 * len(classes))
    found = {}
    for i, name in enumerate(sorted(classes)):
        number = sum(digest[8 * i + byte] * 256**byte for byte in range(8))
        found[name] = (number // 2**11) / 2**53
    return found


def kept_entries(
    y: Sequence[int], seed: int, image: str, classes: Sequence[str], p: float
) -> list[bool]:
    """Which known labels of an image stay known: each with probability p."""
    drawn = draws(seed, image, classes)
    return [label != UNKNOWN and drawn[name] < p for label, name in zip(y, classes, strict=True)]


def kept_positives(
    y: Sequence[int], seed: int, image: str, classes: Sequence[str], n: int
) -> list[bool]:
    """Which labels of an image stay known: n of its positives, those of lowest draw."""
    drawn = draws(seed, image, classes)
    positives = [name for label, name in zip(y, classes, strict=True) if label == 1]
    kept = sorted(positives, key=lambda name: drawn[name])[:n]
    return [name in kept for name in classes]


def mersenne_twister(seed: int) -> random.Random:
    """MT19937 as numpy's RandomState seeds it (Matsumoto's init_genrand), for 32 bits at a time."""
    state = [seed % 2**32]
    for i in range(1, 624):
        last = state[-1]
        state.append((1812433253 * (last ^ (last >> 30)) + i) % 2**32)
    generator = random.Random()
    generator.setstate((3, (*state, 624), None))
    return generator


def shuffle(items: list[int], generator: random.Random) -> None:
    """As RandomState.shuffle: Fisher and Yates from the end, by masks and rejection."""
    for last in range(len(items) - 1, 0, -1):
        other = last + 1
        while other > last:
            other = generator.getrandbits(32) % 2 ** last.bit_length()
        items[last], items[other] = items[other], items[last]


def permutation(n: int, seed: int) -> list[int]:
    """RandomState(seed).permutation(n)."""
    order = list(range(n))
    shuffle(order, mersenne_twister(seed))
    return order


def literature_split(
    n: int, held_out: float = 0.2, seed: int = 1200
) -> tuple[list[int], list[int]]:
    """(fit, held out), the sorted indices of the split of Cole et al. of n images."""
    order = permutation(n, seed)
    size = round(held_out * n)  # halves to the even number, as np.round
    return sorted(order[: n - size]), sorted(order[n - size :])


def literature_labels(
    y: Sequence[Sequence[int]], positives: int = 1, negatives: int = 0, seed: int = 1200
) -> list[list[int]]:
    """What Cole et al. publish of labels of 1 and 0: 1 positive, -1 negative, 0 unknown.

    One stream of random numbers goes over all images; it shuffles the negatives, too, where none
    is kept.
    """
    generator = mersenne_twister(seed)
    published = []
    for row in y:
        kept = [0] * len(row)
        for label, number, mark in ((1, positives, 1), (0, negatives, -1)):
            of_label = [c for c, value in enumerate(row) if value == label]
            shuffle(of_label, generator)
            for c in of_label[:number]:
                kept[c] = mark
        published.append(kept)
    return published


def source(y: Sequence[Sequence[int]], images: Sequence[str], classes: Sequence[str]) -> str:
    """The fingerprint of a data set's labels: images and classes in the order of their names."""
    columns = sorted(range(len(classes)), key=lambda c: classes[c])
    content = b"mmsrdl labels v1"
    for c in columns:
        content += b"\0" + classes[c].encode()
    for n in sorted(range(len(images)), key=lambda n: images[n]):
        content += b"\0\0" + images[n].encode() + b"\0"
        content += bytes(255 if y[n][c] == UNKNOWN else y[n][c] for c in columns)
    return hashlib.sha256(content).hexdigest()
