"""mAP, CP, CR, CF1, OP, OR and OF1 of a data set in one pass."""

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from mmengine.logging import print_log
from torch import Tensor

from mmsrdl.evaluation.batch import ScoredBatch
from mmsrdl.evaluation.functional.arrays import count_columns, to_array
from mmsrdl.evaluation.functional.average_precision import APKind
from mmsrdl.evaluation.functional.precision_recall import check_threshold
from mmsrdl.evaluation.metrics.bad_images import bad_image_figures
from mmsrdl.evaluation.metrics.class_names import class_names
from mmsrdl.evaluation.metrics.gathered import GatheredMetric
from mmsrdl.evaluation.metrics.table import per_class_table, protocol_table
from mmsrdl.evaluation.protocols import (
    DIFFICULT_WORDS,
    PROTOCOLS,
    JudgedEntries,
    Protocol,
    get_protocols,
    hidden_warning,
    images_without_label,
    unknown_entries,
    unknown_warning,
)
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.evaluation.thresholds import Thresholds
from mmsrdl.registry import METRICS

Threshold = float | str | os.PathLike[str] | Thresholds
"""A number, or tuned thresholds of the classes, or a file of them."""


@METRICS.register_module()
class MultiLabelMetric(GatheredMetric):
    """The figures of multi-label papers, in percent.

    ``mAP`` is the mean of the classes' AP (see :func:`average_precision`); classes without a
    positive are left out of it and named in the log. ``CP``, ``CR``, ``CF1``, ``OP``, ``OR`` and
    ``OF1`` count a class as predicted if its score is ``>= thr``; the same keys with the suffix
    ``_top3`` only if it is also among the 3 highest of the image
    (see :func:`precision_recall_f1`). Further thresholds add keys such as ``CF1_thr0.6`` and
    ``CF1_top3_thr0.6``; tuned ones in a further place, ``CF1_tuned`` and ``CF1_top3_tuned``.
    Entries of -1 (unknown or difficult) count in none of them.

    That is the protocol ``'paper'``. Those of other papers, which differ in AP, threshold, CF1,
    top-3 rule, difficult objects and images without a label, are presets (see :class:`Protocol`):
    ``protocol='mlgcn'`` computes under another one, ``protocol=['paper', 'mlgcn']`` under several
    at once, of which the further ones give keys such as ``mAP_mlgcn`` and ``CF1_top3_mlgcn``. The
    log names the protocol of all figures; ``own`` is one that ``thr`` or ``ap`` changed.

    A data sample needs ``pred_score`` [C], probabilities in [0, 1], and ``gt_score`` [C] of 1, 0
    and -1, or ``gt_label``, class indices, in place of the latter. Classes in
    ``gt_label_difficult`` (VOC) that are not positive are left out as -1, unless the protocol
    counts them; other entries of -1, and those in ``gt_label_unknown``, are unknown labels, which
    no protocol counts. A warning says so where a protocol counts difficult ones.

    Under distributed evaluation the scores are exchanged once, as tensors, and samples that the
    sampler repeated are counted once. Images that could not be loaded (``on_bad_image='skip'`` of
    the data set) are left out of everything, ``out_file`` too; where there are any, the key
    ``bad_images`` is their number.

    Args:
        thr: Threshold in [0, 1], or tuned thresholds of the classes, which are found by name: a
            file of ``mmsrdl thresholds`` (``.json``) or :class:`Thresholds`. Or several, such as
            ``[0.5, 'thresholds.json']``, of which one may be tuned. The first gives the keys
            without suffix. A temperature changes the scores before the thresholds, never AP.
            Defaults to 0.5; a protocol has its own.
        topk: k of the keys with the suffix ``_top{k}``; None leaves them out.
        ap: ``'raw'``, ``'interpolated'`` or ``'11point'``. Defaults to raw; a protocol has its own.
        per_class: Whether to log a table of the classes' AP and to return ``AP/<class>``, of the
            first protocol.
        out_file: ``.npz`` file for ``names`` [C], ``scores`` [N, C], ``targets`` [N, C],
            ``sample_idx`` [N] (-1: none) and, if the samples have them, ``img_path`` [N] and
            ``difficult`` [N, C], for later analysis (``mmsrdl evaluate``). It holds no pickles and
            is overwritten by the next evaluation.
        collect_device: ``'gpu'`` leaves predictions on their device until the figures are
            computed, ``'cpu'`` moves them to the CPU batch by batch.
        prefix: Prefix of the keys instead of ``mlr``.
        protocol: A preset's name, a :class:`Protocol`, or several of them, in place of ``thr`` and
            ``ap``. It goes with any ``topk``, which the keys name.

    Raises:
        TypeError: ``topk`` is no integer, or a threshold no number.
        FileNotFoundError: The file of thresholds does not exist.
        ValueError: An argument is out of range, there is no such protocol, or ``thr`` or ``ap``
            stand beside one. On evaluation: ``topk`` exceeds the number of
            classes, that number is not the data set's, a class has no tuned threshold, or no
            class has a positive.
    """

    default_prefix = "mlr"
    leaves_out_bad_images = True

    def __init__(
        self,
        thr: Threshold | Sequence[Threshold] | None = None,
        topk: int | None = 3,
        ap: APKind | None = None,
        per_class: bool = False,
        out_file: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
        protocol: str | Protocol | Sequence[str | Protocol] | None = None,
    ) -> None:
        if collect_device not in ("cpu", "gpu"):
            raise ValueError(f"collect_device must be 'cpu' or 'gpu', got {collect_device!r}")
        super().__init__(collect_device=collect_device, prefix=prefix)
        if topk is not None and (isinstance(topk, bool) or not isinstance(topk, int)):
            raise TypeError(f"topk must be an integer or None, got {topk!r}")
        if topk is not None and topk < 1:
            raise ValueError(f"topk must be at least 1, or None for no such keys, got {topk}")
        if ap is not None and ap not in get_args(APKind):
            raise ValueError(f"ap must be one of {get_args(APKind)}, got {ap!r}")
        if out_file is not None and not str(out_file).endswith(".npz"):
            raise ValueError(f"out_file must end with .npz, got {out_file!r}")
        self.thresholds = _thresholds(PROTOCOLS["paper"].thr if thr is None else thr)
        if protocol is None:
            self.protocols: tuple[Protocol, ...] = (_own_protocol(self.thresholds[0], ap),)
        else:
            _check_alone(protocol, thr, ap)
            self.protocols = get_protocols(protocol)
            self.thresholds = (self.protocols[0].thr,)
        self.topk = topk
        self.per_class = per_class
        self.out_file, self.with_paths = out_file, out_file is not None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep scores and targets of a batch.

        Raises:
            ValueError: A sample lacks a field, or holds a malformed one.
        """
        if len(data_samples):
            batch = ScoredBatch.from_samples(data_samples)
            if not self.results:
                self._check_tuned(batch.scores.shape[1])
            self.results.append(batch.to("cpu") if self.collect_device == "cpu" else batch)

    def compute_metrics(self, results: list[ScoredBatch]) -> dict[str, float]:
        """Compute the figures, in percent and without prefix, and log their protocol."""
        batch, bad_images = ScoredBatch.concat(results).without_bad_images()
        names = self._class_names(batch.scores.shape[1])
        if self.topk is not None and self.topk > len(names):
            raise ValueError(
                f"topk={self.topk} exceeds the number of classes, {len(names)}; give the metric a "
                "smaller topk, or topk=None"
            )
        targets, difficult = batch.labels()
        if self.out_file is not None:
            self._save(names, batch, targets, difficult)
        metrics: dict[str, float] = {}
        rows: dict[str, dict[str, float]] = {}
        for place, protocol in enumerate(self.protocols):
            judged = protocol.judge(batch.scores, targets, difficult)
            ap = protocol.average_precision(judged)
            rows[protocol.name] = figures = {
                "mAP": _mean_ap(ap, names, protocol, judged),
                **self._precision_recall(names, protocol, judged, first=place == 0),
            }
            end = f"_{protocol.name}" if place else ""
            metrics.update({key + end: value for key, value in figures.items()})
            if self.per_class and place == 0:
                known = (~ap.isnan()).nonzero().flatten().tolist()
                metrics.update({f"AP/{names[c]}": ap[c].item() for c in known})
            self._log(names, ap, protocol, judged, (targets, difficult), first=place == 0)
        if len(rows) > 1:
            print_log(protocol_table(rows, self.topk), logger="current")
        return metrics | bad_image_figures(bad_images, str(self.prefix))

    def _save(
        self, names: list[str], batch: ScoredBatch, targets: Tensor, difficult: Tensor | None
    ) -> None:
        file = ScoresFile(
            tuple(names),
            batch.scores.cpu(),
            targets.cpu(),
            batch.sample_idx.cpu(),
            tuple(batch.img_paths),
            None if difficult is None else difficult.cpu(),
        )
        file.save(str(self.out_file))

    def _check_tuned(self, num_classes: int) -> None:
        """Raise a ValueError before all images are seen if a class has no tuned threshold."""
        for thr in self.thresholds:
            if isinstance(thr, Thresholds):
                thr.of(self._class_names(num_classes))

    def _class_names(self, num_classes: int) -> list[str]:
        return class_names(self.dataset_meta, num_classes)

    def _precision_recall(
        self, names: list[str], protocol: Protocol, judged: JudgedEntries, first: bool
    ) -> dict[str, float]:
        """Figures at every threshold; protocols other than the first have their own one."""
        if not first:
            return protocol.precision_recall(judged, topk=self.topk)
        figures = {}
        for thr, end in zip(self.thresholds, self._suffixes(), strict=True):
            limit: float | Tensor
            entries = judged
            if isinstance(thr, Thresholds):
                entries = judged._replace(scores=thr.calibrate(judged.scores))
                limit = thr.of(names, judged.scores.dtype)
            else:
                limit = thr
            values = protocol.precision_recall(entries, limit, self.topk)
            figures.update({key + end: value for key, value in values.items()})
        return figures

    def _suffixes(self) -> list[str]:
        """What the keys of each threshold end with."""
        further = [
            "_tuned" if isinstance(thr, Thresholds) else f"_thr{thr:g}"
            for thr in self.thresholds[1:]
        ]
        return ["", *further]

    def _log(
        self,
        names: list[str],
        ap: Tensor,
        protocol: Protocol,
        judged: JudgedEntries,
        labels: tuple[Tensor, Tensor | None],
        first: bool,
    ) -> None:
        """Log the protocol, the classes left out of mAP and, on request, the AP of every class."""
        empty = [names[c] for c in ap.isnan().nonzero().flatten()]
        thresholds = self.thresholds if first else (protocol.thr,)
        line = (
            f"{self.prefix}: protocol {protocol.name}: {protocol.ap} AP, mean over "
            f"{len(names) - len(empty)} of {len(names)} classes; predicted if score >= "
            f"{', '.join(map(_threshold_name, thresholds))}"
        )
        if self.topk and protocol.topk_rule == "above_threshold":
            line += f", _top{self.topk} also among the {self.topk} highest"
        elif self.topk:
            line += f", _top{self.topk} the {self.topk} highest, whatever their scores"
        if protocol.cf1 == "mean_of_classes":
            line += "; CF1 the mean of the classes' F1"
        lines = [f"{line}; {_entries_line(protocol, judged, *labels)}"]
        for thr, end in zip(thresholds, self._suffixes(), strict=False):
            if isinstance(thr, Thresholds):
                keys = f"with the suffix {end}" if end else "without suffix"
                lines.append(
                    f"{self.prefix}: keys {keys} have thresholds that were tuned: {thr.describe()}"
                )
        if empty:
            lines.append(
                f"{self.prefix}: no positive, so left out of mAP, and 0 in CP and CR: "
                f"{', '.join(empty)}"
            )
        if self.per_class and first:
            positives = count_columns(to_array(judged.ap_targets) == 1).tolist()
            title = f"{protocol.ap} AP ({protocol.name})"
            lines.append(per_class_table(names, ap.tolist(), positives, title))
        for text in lines:
            print_log(text, logger="current")
        if warning := hidden_warning(names, ap, judged.ap_targets):
            print_log(f"{self.prefix}: {warning}", logger="current", level=logging.WARNING)
        if warning := unknown_warning(protocol, *labels):
            mend = "; if they are difficult, let PackInputs pack gt_label_difficult (meta_keys)"
            print_log(f"{self.prefix}: {warning}{mend}", logger="current", level=logging.WARNING)


def _mean_ap(ap: Tensor, names: list[str], protocol: Protocol, judged: JudgedEntries) -> float:
    if ap.isnan().all():
        raise ValueError(
            f"mAP is undefined: none of the {len(names)} classes has a positive in "
            f"{len(judged.targets)} images (protocol {protocol.name}); check that the annotation "
            f"file belongs to this data set and that it uses its class names, {names[:5]} ..."
        )
    return ap.nanmean().item()


def _entries_line(
    protocol: Protocol, judged: JudgedEntries, targets: Tensor, difficult: Tensor | None
) -> str:
    """What is counted of images without a label, and of entries of -1."""
    marked, unknown = unknown_entries(targets, difficult)
    images = f"{len(judged.targets)} images"
    if protocol.empties == "dropped":
        images += f", {judged.dropped} more without a label dropped"
    else:
        images += f", {images_without_label(targets)} of them without a label"
    if marked:
        images += f"; {marked} difficult entries {DIFFICULT_WORDS[protocol.difficult]}"
    return f"{images}; {unknown} unknown entries left out"


def _threshold_name(thr: float | Thresholds) -> str:
    return f"those of {thr.source}" if isinstance(thr, Thresholds) else f"{thr:g}"


def _own_protocol(thr: float | Thresholds, ap: APKind | None) -> Protocol:
    """The paper's protocol, under another name where the arguments change it."""
    paper = PROTOCOLS["paper"]
    if thr == paper.thr and ap in (None, paper.ap):
        return paper
    return replace(paper, name="own", ap=ap or paper.ap)


def _check_alone(protocol: Any, thr: Any, ap: Any) -> None:
    given = [f"{key}={value!r}" for key, value in (("thr", thr), ("ap", ap)) if value is not None]
    if given:
        raise ValueError(
            f"protocol={protocol!r} sets thr and ap itself; drop {' and '.join(given)}, or drop "
            "protocol, for figures that are no paper's"
        )


def _thresholds(thr: Any) -> tuple[float | Thresholds, ...]:
    several = isinstance(thr, Sequence) and not isinstance(thr, str)
    values = tuple(_read(value) for value in (thr if several else (thr,)))
    if not values:
        raise ValueError("thr must hold at least one threshold, got none")
    numbers = [value for value in values if not isinstance(value, Thresholds)]
    if len({f"{value:g}" for value in numbers}) < len(numbers):
        raise ValueError(f"thr must hold distinct thresholds, got {numbers}")
    if len(values) - len(numbers) > 1:
        raise ValueError(
            f"thr must hold at most one file of tuned thresholds, got {list(thr)}; give each "
            "further one a metric with a prefix of its own"
        )
    return values


def _read(thr: Any) -> float | Thresholds:
    """A threshold that was checked."""
    if isinstance(thr, Thresholds):
        return thr
    if isinstance(thr, str | os.PathLike) and os.fspath(thr).endswith(".json"):
        return Thresholds.load(thr)
    check_threshold(thr)
    return thr
