"""How papers compute their figures, as presets of the metric."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, get_args

from torch import Tensor

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.evaluation.functional.average_precision import APKind, average_precision
from mmsrdl.evaluation.functional.known_labels import negatives_hidden
from mmsrdl.evaluation.functional.precision_recall import (
    CF1Kind,
    check_threshold,
    precision_recall_f1,
)

__all__ = ["PROTOCOLS", "JudgedEntries", "Protocol", "get_protocol", "get_protocols"]

TopkRule = Literal["above_threshold", "whatever_score"]
DifficultPolicy = Literal["ignored", "ignored_in_ap", "negative", "positive"]
EmptiesPolicy = Literal["as_given", "kept", "dropped"]

COUNTED_AS: dict[DifficultPolicy, tuple[int, int]] = {
    "ignored": (-1, -1),
    "ignored_in_ap": (-1, 0),
    "negative": (0, 0),
    "positive": (1, 1),
}
"""Target of a difficult entry in AP, and in precision and recall."""

DIFFICULT_WORDS = {
    "ignored": "left out",
    "ignored_in_ap": "left out of AP, negative in precision and recall",
    "negative": "negative",
    "positive": "positive",
}
EMPTIES_WORDS = {"as_given": "as the data set gives them", "kept": "counted", "dropped": "dropped"}


class JudgedEntries(NamedTuple):
    """Scores and targets of the images that a protocol counts.

    Attributes:
        scores: [N, C].
        ap_targets: [N, C] of 1, 0 and -1, for average precision.
        targets: [N, C] of 1, 0 and -1, for precision and recall.
        dropped: Number of images without a label that were dropped.
    """

    scores: Tensor
    ap_targets: Tensor
    targets: Tensor
    dropped: int


@dataclass(frozen=True)
class Protocol:
    """Everything between scores and figures on which papers differ.

    An *image without a label* is one whose entries are all negative: no positive, difficult or
    unknown one. Entries that are *unknown* (-1, not said to be difficult) are left out of every
    figure under every protocol: whether they are negative is not known.

    Attributes:
        name: What tables and logs call it.
        source: Where it is established.
        ap: See :func:`average_precision`.
        thr: Threshold in [0, 1]; a class is predicted if its score is ``>= thr``.
        topk_rule: Whether the k highest of an image must also reach the threshold in the figures
            that end with ``_top{k}``.
        difficult: What an entry is of which the image holds only difficult objects (VOC):
            ``'ignored'`` everywhere, ``'ignored_in_ap'`` but negative in precision and recall,
            ``'negative'`` or ``'positive'`` everywhere.
        empties: Images without a label are counted if the data set gives them
            (``'as_given'``); belong to the protocol, so that a data set should give them
            (``'kept'``); or are ``'dropped'``.
        cf1: See :func:`precision_recall_f1`.
        open: What could not be established, and what was assumed.

    Raises:
        TypeError: ``thr`` is no number.
        ValueError: A field has none of its values.
    """

    name: str
    source: str
    ap: APKind = "raw"
    thr: float = 0.5
    topk_rule: TopkRule = "above_threshold"
    difficult: DifficultPolicy = "ignored"
    empties: EmptiesPolicy = "as_given"
    cf1: CF1Kind = "of_means"
    open: str = ""

    def __post_init__(self) -> None:
        check_threshold(self.thr)
        for name, values in (
            ("ap", APKind),
            ("topk_rule", TopkRule),
            ("difficult", DifficultPolicy),
            ("empties", EmptiesPolicy),
            ("cf1", CF1Kind),
        ):
            if getattr(self, name) not in get_args(values):
                raise ValueError(
                    f"{name} of protocol {self.name!r} must be one of {get_args(values)}, got "
                    f"{getattr(self, name)!r}"
                )

    def judge(
        self, scores: Tensor, targets: Tensor, difficult: Tensor | None = None
    ) -> JudgedEntries:
        """Choose the images and turn difficult entries into what they count as.

        Args:
            scores: [N, C].
            targets: [N, C] of 1 (positive), 0 (negative) and -1 (left out).
            difficult: [N, C], bool: which of the entries of -1 are difficult ones; the others are
                unknown. None: there is none.
        """
        dropped = 0
        if self.empties == "dropped":
            labeled = targets.any(1)
            dropped = len(targets) - int(labeled.count_nonzero())
            if dropped:
                scores, targets = scores[labeled], targets[labeled]
                difficult = None if difficult is None else difficult[labeled]
        in_ap, in_counts = COUNTED_AS[self.difficult]
        ap_targets = _with_difficult(targets, difficult, in_ap)
        if in_counts == in_ap:
            return JudgedEntries(scores, ap_targets, ap_targets, dropped)
        return JudgedEntries(
            scores, ap_targets, _with_difficult(targets, difficult, in_counts), dropped
        )

    def average_precision(self, judged: JudgedEntries) -> Tensor:
        """Return the classes' AP in percent, float64 [C], NaN without a positive."""
        return 100 * average_precision(judged.scores, judged.ap_targets, self.ap)

    def precision_recall(
        self, judged: JudgedEntries, thr: float | Tensor | None = None, topk: int | None = 3
    ) -> dict[str, float]:
        """Return CP to OF1 in percent, and the same with ``_top{k}``.

        Args:
            judged: What :meth:`judge` returned.
            thr: In place of the protocol's, one or [C].
            topk: k; None leaves the keys with ``_top{k}`` out.
        """
        limit = self.thr if thr is None else thr
        figures = precision_recall_f1(judged.scores, judged.targets, limit, cf1=self.cf1)
        found = {key: 100 * value for key, value in figures._asdict().items()}
        if topk is not None:
            if self.topk_rule == "whatever_score":
                limit = 0.0
            ranked = precision_recall_f1(judged.scores, judged.targets, limit, topk, self.cf1)
            found |= {f"{key}_top{topk}": 100 * value for key, value in ranked._asdict().items()}
        return found

    def figures(
        self,
        scores: Tensor,
        targets: Tensor,
        difficult: Tensor | None = None,
        topk: int | None = 3,
    ) -> dict[str, float]:
        """Return mAP, CP to OF1 and the same with ``_top{k}``, in percent.

        Args:
            scores: [N, C], probabilities in [0, 1].
            targets: [N, C] of 1, 0 and -1.
            difficult: See :meth:`judge`.
            topk: See :meth:`precision_recall`.

        Returns:
            mAP is NaN where no class has a positive.

        Raises:
            ValueError: The input is malformed (see :func:`precision_recall_f1`).
        """
        judged = self.judge(scores, targets, difficult)
        mean = self.average_precision(judged).nanmean().item()
        return {"mAP": mean, **self.precision_recall(judged, topk=topk)}

    def settings(self) -> dict[str, Any]:
        """Return the fields that decide figures, by name."""
        texts = ("name", "source", "open")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in texts}

    def describe(self) -> str:
        """Return one line of text with all settings."""
        return (
            f"{self.name}: {self.ap} AP, threshold {self.thr:g}, top-k "
            + ("above it" if self.topk_rule == "above_threshold" else "whatever the score")
            + f", CF1 {CF1_WORDS[self.cf1]}, difficult objects {DIFFICULT_WORDS[self.difficult]}, "
            f"images without a label {EMPTIES_WORDS[self.empties]}"
        )


CF1_WORDS = {"of_means": "of CP and CR", "mean_of_classes": "the mean of the classes' F1"}


def _with_difficult(targets: Tensor, difficult: Tensor | None, value: int) -> Tensor:
    """Targets [N, C] with a value for the difficult ones; the same tensor if nothing changes."""
    if difficult is None or value == -1:
        return targets
    return targets.masked_fill(difficult & (targets == -1), value)


_PRESETS = (
    Protocol(
        name="paper",
        source="SRDL, section 4.1 and Eqs. (14)-(16)",
        open=(
            "The paper names neither the kind of AP, nor a threshold, nor what difficult objects "
            "are; it cites 40,137 validation images of COCO, those with a label, which the data "
            "set's filter_empty=True gives. Raw AP, 0.5 and leaving difficult objects out are this "
            "package's choice, MMPretrain's"
        ),
    ),
    Protocol(
        name="mlgcn",
        source="ML-GCN (CVPR 2019), megvii-research/ML-GCN: util.py, voc.py, coco.py, engine.py",
        difficult="ignored_in_ap",
        empties="dropped",
        open=(
            "Equal scores are ranked there by the order of the images, here as one threshold; a "
            "class without a positive gives NaN or an error there; a class that is never predicted "
            "counts there as one wrong prediction in OP"
        ),
    ),
    Protocol(
        name="ssgrl",
        source="SSGRL (ICCV 2019), HCPLab-SYSU/SSGRL: utils/metrics.py, datasets/*.py, main.py",
        ap="interpolated",
        difficult="negative",
        empties="kept",
        open=(
            "The public code computes mAP alone. The threshold, 0.5, and the top-3 rule, above it, "
            "are assumed as in HCP-MLR-PL, of the same laboratory; CF1 is that of the paper's "
            "definition, from which the 76.8 of its table does not follow"
        ),
    ),
    Protocol(
        name="mcar",
        source="MCAR (TIP 2021), gaobb/MCAR: src/util.py, src/main.py, src/voc.py, src/coco.py",
        thr=0.6,
        difficult="ignored_in_ap",
        empties="dropped",
        open=(
            "As for mlgcn, but for a class without a positive, which counts there as AP 0 in mAP "
            "and is left out here"
        ),
    ),
    Protocol(
        name="asl",
        source="ASL (ICCV 2021), Alibaba-MIIL/ASL: validate.py, helper_functions.py",
        thr=0.8,
        empties="dropped",
        cf1="mean_of_classes",
        open=(
            "The public code evaluates COCO alone and has no top-3 figures: leaving difficult "
            "objects of VOC out and top-3 above the threshold are assumed. It takes a score as "
            "predicted if > 0.8, here >= 0.8"
        ),
    ),
    Protocol(
        name="spml",
        source=(
            "Single positive multi-label learning (Cole et al., CVPR 2021), "
            "elijahcole/single-positive-multi-label: metrics.py, instrumentation.py, preproc/*.py; "
            "the code of EM and of VLPL has taken it over"
        ),
        difficult="negative",
        empties="dropped",
        open=(
            "The public code has no CP to OF1: the threshold, 0.5, and the top-3 rule, above it, "
            "are assumed. A class without a positive counts there as AP 0 and is left out here"
        ),
    ),
    Protocol(
        name="mmpretrain",
        source="MMPretrain 1.x: evaluation/metrics/multi_label.py and voc_multi_label.py",
        topk_rule="whatever_score",
        cf1="mean_of_classes",
        open="It puts a class without a positive into mAP, and ranks equal scores by their order",
    ),
)
PROTOCOLS: dict[str, Protocol] = {preset.name: preset for preset in _PRESETS}
"""The presets by name; ``open`` of each says what could not be established."""


def get_protocol(name: str | Protocol) -> Protocol:
    """Return a preset by its name, or the protocol itself.

    Raises:
        ValueError: There is no such preset.
    """
    if isinstance(name, Protocol):
        return name
    if not isinstance(name, str) or name not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]


def get_protocols(names: str | Protocol | Sequence[str | Protocol]) -> tuple[Protocol, ...]:
    """Return one or several protocols, each once.

    Raises:
        ValueError: There is no such preset, none is given, or two share a name.
    """
    several = names if isinstance(names, Sequence) and not isinstance(names, str) else [names]
    protocols = tuple(get_protocol(name) for name in several)
    found = [protocol.name for protocol in protocols]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"protocol must hold one or several distinct protocols, got {found}")
    return protocols


def unknown_entries(targets: Tensor, difficult: Tensor | None) -> tuple[int, int]:
    """Count the difficult and the unknown entries of targets [N, C]."""
    left_out = int((targets == -1).count_nonzero())
    marked = 0 if difficult is None else int((difficult & (targets == -1)).count_nonzero())
    return marked, left_out - marked


def unknown_warning(protocol: Protocol, targets: Tensor, difficult: Tensor | None) -> str:
    """Say that a protocol counts difficult entries but leaves unknown ones out; '' if not so.

    Args:
        protocol: The protocol.
        targets: [N, C] of 1, 0 and -1.
        difficult: See :meth:`Protocol.judge`.
    """
    if protocol.difficult == "ignored":
        return ""
    _, unknown = unknown_entries(targets, difficult)
    if not unknown:
        return ""
    return (
        f"protocol {protocol.name} takes difficult objects as "
        f"{DIFFICULT_WORDS[protocol.difficult]}, but {unknown} labels of -1 are not said to be "
        "difficult: they are left out as unknown"
    )


def hidden_warning(names: Sequence[str], ap: Tensor, targets: Tensor) -> str:
    """Name the classes whose AP says nothing, as all their negatives are unknown; '' for none.

    Args:
        names: C class names.
        ap: [C], of :meth:`Protocol.average_precision`.
        targets: [N, C] of 1, 0 and -1.
    """
    perfect = (ap == 100).nonzero().flatten().to(targets.device)
    if not len(perfect):
        return ""  # mostly, and nothing of [N, C] was touched
    hidden = [names[c] for c in perfect[negatives_hidden(targets[:, perfect])].tolist()]
    if not hidden:
        return ""
    return (
        f"{len(hidden)} of {len(names)} classes have no known negative, so that their AP is 100 "
        f"whatever their scores: {first_of(hidden)}; evaluate, and select, on images whose "
        "negatives are known"
    )


def images_without_label(targets: Tensor) -> int:
    """Count the images whose entries are all negative, of targets [N, C]."""
    return len(targets) - int(targets.any(1).count_nonzero())
