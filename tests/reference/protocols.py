"""The figures of each paper as its public code computes them, entry by entry.

Written from what the papers' code was found to do, by loops over images and classes, without
importing mmsrdl. Labels are 1 (positive), 0 (negative), "d" (difficult objects alone, VOC) and "u"
(unknown). Differences that the presets document are left as the presets have them: ties form one
threshold, classes without a positive are left out of mAP, 0 / 0 = 0 and scores >= thr.
"""

from __future__ import annotations

from .metrics import ratio

Rows = list[list]
RULES = {
    # name: (interpolated, thr, difficult in AP, difficult in P/R, empties dropped,
    #        top-3 without threshold, CF1 as the mean of the classes' F1)
    "paper": (False, 0.5, None, None, False, False, False),
    "mlgcn": (False, 0.5, None, 0, True, False, False),
    "ssgrl": (True, 0.5, 0, 0, False, False, False),
    "mcar": (False, 0.6, None, 0, True, False, False),
    "asl": (False, 0.8, None, None, True, False, True),
    "spml": (False, 0.5, 0, 0, True, False, False),
    "mmpretrain": (False, 0.5, None, None, False, True, True),
}


def figures(name: str, scores: Rows, labels: Rows, k: int = 3) -> dict[str, float]:
    """mAP, CP to OF1 and their top-k forms in percent under a protocol."""
    interpolated, thr, in_ap, in_counts, drop, any_score, mean_f1 = RULES[name]
    if drop:
        keep = [i for i, row in enumerate(labels) if any(label != 0 for label in row)]
        scores, labels = [scores[i] for i in keep], [labels[i] for i in keep]
    out = {"mAP": mean_ap(scores, meaning(labels, in_ap), interpolated)}
    plain = [[score >= thr for score in row] for row in scores]
    ranked = [
        [(any_score or row[c] >= thr) and rank_of(row, c) <= k for c in range(len(row))]
        for row in scores
    ]
    labels = meaning(labels, in_counts)
    for predicted, suffix in ((plain, ""), (ranked, f"_top{k}")):
        found = precision_recall(predicted, labels, mean_f1)
        out |= {key + suffix: value for key, value in found.items()}
    return out


def meaning(labels: Rows, difficult: int | None) -> Rows:
    """Labels of 1, 0 and None (left out)."""
    table = {1: 1, 0: 0, "d": difficult, "u": None}
    return [[table[label] for label in row] for row in labels]


def rank_of(row: list, c: int) -> int:
    """1 for the highest score of an image; of equal ones the first class comes first."""
    return 1 + sum(row[b] > row[c] or (row[b] == row[c] and b < c) for b in range(len(row)))


def mean_ap(scores: Rows, labels: Rows, interpolated: bool) -> float:
    """Mean over classes with a positive of the AP in percent."""
    aps = []
    for c in range(len(scores[0])):
        pairs = [(s[c], y[c]) for s, y in zip(scores, labels, strict=True) if y[c] is not None]
        positives = sum(y for _, y in pairs)
        if not positives:
            continue
        points = []  # (recall, precision) at every distinct score, from the highest
        for cut in sorted({s for s, _ in pairs}, reverse=True):
            above = [y for s, y in pairs if s >= cut]
            points.append((sum(above) / positives, sum(above) / len(above)))
        ap, last = 0.0, 0.0
        for i, (recall, precision) in enumerate(points):
            best = max(p for _, p in points[i:]) if interpolated else precision
            ap += (recall - last) * best
            last = recall
        aps.append(100 * ap)
    return sum(aps) / len(aps)


def precision_recall(predicted: Rows, labels: Rows, mean_f1: bool) -> dict[str, float]:
    """CP, CR, CF1, OP, OR and OF1 in percent."""
    C = len(labels[0])
    N_c, N_p, N_g = [0] * C, [0] * C, [0] * C
    for row, truth in zip(predicted, labels, strict=True):
        for c in range(C):
            if truth[c] is not None:
                N_p[c] += bool(row[c])
                N_g[c] += truth[c]
                N_c[c] += bool(row[c]) and truth[c]
    P = [ratio(N_c[c], N_p[c]) for c in range(C)]
    R = [ratio(N_c[c], N_g[c]) for c in range(C)]
    CP, CR = 100 * sum(P) / C, 100 * sum(R) / C
    OP, OR = 100 * ratio(sum(N_c), sum(N_p)), 100 * ratio(sum(N_c), sum(N_g))
    CF1 = ratio(2 * CP * CR, CP + CR)
    if mean_f1:
        CF1 = 100 * sum(ratio(2 * P[c] * R[c], P[c] + R[c]) for c in range(C)) / C
    OF1 = ratio(2 * OP * OR, OP + OR)
    return {"CP": CP, "CR": CR, "CF1": CF1, "OP": OP, "OR": OR, "OF1": OF1}
