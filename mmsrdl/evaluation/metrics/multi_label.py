"""mAP, CP, CR, CF1, OP, OR and OF1 of a data set in one pass."""

import os
from collections.abc import Sequence
from typing import Any, get_args

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from mmsrdl.evaluation.batch import ScoredBatch
from mmsrdl.evaluation.functional.arrays import count_columns, to_array
from mmsrdl.evaluation.functional.average_precision import APKind, average_precision
from mmsrdl.evaluation.functional.precision_recall import check_threshold, precision_recall_f1
from mmsrdl.evaluation.gather import gather_batch
from mmsrdl.evaluation.metrics.table import per_class_table
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.evaluation.thresholds import Thresholds
from mmsrdl.registry import METRICS

Threshold = float | str | os.PathLike[str] | Thresholds
"""A number, or tuned thresholds of the classes, or a file of them."""


@METRICS.register_module()
class MultiLabelMetric(BaseMetric):
    """The figures of multi-label papers, in percent.

    ``mAP`` is the mean of the classes' AP (see :func:`average_precision`); classes without a
    positive are left out of it and named in the log. ``CP``, ``CR``, ``CF1``, ``OP``, ``OR`` and
    ``OF1`` count a class as predicted if its score is ``>= thr``; the same keys with the suffix
    ``_top3`` only if it is also among the 3 highest of the image
    (see :func:`precision_recall_f1`). Further thresholds add keys such as ``CF1_thr0.6`` and
    ``CF1_top3_thr0.6``; tuned ones in a further place, ``CF1_tuned`` and ``CF1_top3_tuned``.
    Entries of -1 (unknown or difficult) count in none of them.

    A data sample needs ``pred_score`` [C], probabilities in [0, 1], and ``gt_score`` [C] of 1, 0
    and -1, or ``gt_label``, class indices, in place of the latter. Classes in
    ``gt_label_difficult`` (MMPretrain's VOC) that are not positive are left out as -1.

    Under distributed evaluation the scores are exchanged once, as tensors, and samples that the
    sampler repeated are counted once.

    Args:
        thr: Threshold in [0, 1], or tuned thresholds of the classes, which are found by name: a
            file of ``mmsrdl thresholds`` (``.json``) or :class:`Thresholds`. Or several, such as
            ``[0.5, 'thresholds.json']``, of which one may be tuned. The first gives the keys
            without suffix. A temperature changes the scores before the thresholds, never AP.
        topk: k of the keys with the suffix ``_top{k}``; None leaves them out.
        ap: ``'raw'``, ``'interpolated'`` or ``'11point'``.
        per_class: Whether to log a table of the classes' AP and to return ``AP/<class>``.
        out_file: ``.npz`` file for ``names`` [C], ``scores`` [N, C], ``targets`` [N, C],
            ``sample_idx`` [N] (-1: none) and, if the samples have it, ``img_path`` [N], for later
            analysis. It holds no pickles and is overwritten by the next evaluation.
        collect_device: ``'gpu'`` leaves predictions on their device until the figures are
            computed, ``'cpu'`` moves them to the CPU batch by batch.
        prefix: Prefix of the keys instead of ``mlr``.

    Raises:
        TypeError: ``topk`` is no integer, or a threshold no number.
        FileNotFoundError: The file of thresholds does not exist.
        ValueError: An argument is out of range. On evaluation: ``topk`` exceeds the number of
            classes, that number is not the data set's, a class has no tuned threshold, or no
            class has a positive.
    """

    default_prefix = "mlr"

    def __init__(
        self,
        thr: Threshold | Sequence[Threshold] = 0.5,
        topk: int | None = 3,
        ap: APKind = "raw",
        per_class: bool = False,
        out_file: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        if collect_device not in ("cpu", "gpu"):
            raise ValueError(f"collect_device must be 'cpu' or 'gpu', got {collect_device!r}")
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.thresholds = _thresholds(thr)
        if topk is not None and (isinstance(topk, bool) or not isinstance(topk, int)):
            raise TypeError(f"topk must be an integer or None, got {topk!r}")
        if topk is not None and topk < 1:
            raise ValueError(f"topk must be at least 1, or None for no such keys, got {topk}")
        if ap not in get_args(APKind):
            raise ValueError(f"ap must be one of {get_args(APKind)}, got {ap!r}")
        if out_file is not None and not str(out_file).endswith(".npz"):
            raise ValueError(f"out_file must end with .npz, got {out_file!r}")
        self.topk = topk
        self.ap: APKind = ap
        self.per_class = per_class
        self.out_file = out_file

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

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute the figures over the samples of all processes.

        Args:
            size: Number of samples of the data set.

        Returns:
            The same on every process, keys with the prefix.

        Raises:
            ValueError: As the class says; raised on every process.
        """
        local = ScoredBatch.concat(self.results) if self.results else None
        self.results.clear()
        everything = gather_batch(local, size, with_paths=self.out_file is not None)
        outcome: list[Any] = [None]
        if is_main_process():
            try:
                outcome = [self.compute_metrics([everything])]
            except Exception as error:
                # Raised below on every process: the others would wait for the figures forever.
                outcome = [error]
        broadcast_object_list(outcome)
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return {f"{self.prefix}/{key}": value for key, value in outcome[0].items()}

    def compute_metrics(self, results: list[ScoredBatch]) -> dict[str, float]:
        """Compute the figures, in percent and without prefix, and log their protocol."""
        batch = ScoredBatch.concat(results)
        names = self._class_names(batch.scores.shape[1])
        ap = 100 * average_precision(batch.scores, batch.targets, self.ap)
        scored = ~ap.isnan()
        if not scored.any():
            raise ValueError(
                f"mAP is undefined: none of the {len(names)} classes has a positive in "
                f"{len(batch.targets)} images; check that the annotation file belongs to this "
                f"data set and that it uses its class names, {names[:5]} ..."
            )
        metrics = {"mAP": ap[scored].mean().item(), **self._precision_recall(names, batch)}
        if self.per_class:
            metrics.update({f"AP/{names[c]}": ap[c].item() for c in scored.nonzero().flatten()})
        if self.out_file is not None:
            ScoresFile(
                tuple(names),
                batch.scores.cpu(),
                batch.targets.cpu(),
                batch.sample_idx.cpu(),
                tuple(batch.img_paths),
            ).save(self.out_file)
        self._log(names, ap, batch.targets)
        return metrics

    def _check_tuned(self, num_classes: int) -> None:
        """Raise a ValueError before all images are seen if a class has no tuned threshold."""
        for thr in self.thresholds:
            if isinstance(thr, Thresholds):
                thr.of(self._class_names(num_classes))

    def _class_names(self, num_classes: int) -> list[str]:
        classes = (self.dataset_meta or {}).get("classes")
        if classes is None:
            return [str(c) for c in range(num_classes)]
        if len(classes) != num_classes:
            raise ValueError(
                f"the model scores {num_classes} classes, but the data set has {len(classes)}; "
                f"set num_classes={len(classes)} in the head, and give its embedder the data "
                "set's classes"
            )
        return [str(name) for name in classes]

    def _precision_recall(self, names: list[str], batch: ScoredBatch) -> dict[str, float]:
        if self.topk is not None and self.topk > batch.scores.shape[1]:
            raise ValueError(
                f"topk={self.topk} exceeds the number of classes, {batch.scores.shape[1]}; give "
                "the metric a smaller topk, or topk=None"
            )
        figures = {}
        for thr, end in zip(self.thresholds, self._suffixes(), strict=True):
            scores = batch.scores
            limits: float | Tensor
            if isinstance(thr, Thresholds):
                scores, limits = thr.calibrate(scores), thr.of(names, scores.dtype)
            else:
                limits = thr
            for topk in (None,) if self.topk is None else (None, self.topk):
                suffix = ("" if topk is None else f"_top{topk}") + end
                values = precision_recall_f1(scores, batch.targets, limits, topk)._asdict()
                figures.update({key + suffix: 100 * value for key, value in values.items()})
        return figures

    def _suffixes(self) -> list[str]:
        """What the keys of each threshold end with."""
        further = [
            "_tuned" if isinstance(thr, Thresholds) else f"_thr{thr:g}"
            for thr in self.thresholds[1:]
        ]
        return ["", *further]

    def _log(self, names: list[str], ap: Tensor, targets: Tensor) -> None:
        """Log the protocol, the classes left out of mAP and, on request, the AP of every class."""
        empty = [names[c] for c in ap.isnan().nonzero().flatten()]
        thresholds = ", ".join(
            f"those of {thr.source}" if isinstance(thr, Thresholds) else f"{thr:g}"
            for thr in self.thresholds
        )
        unknown = int((targets == -1).count_nonzero())  # sum() would copy the mask to int64
        lines = [
            f"{self.prefix}: {self.ap} AP, mean over {len(names) - len(empty)} of {len(names)} "
            f"classes; predicted if score >= {thresholds}"
            + (f", _top{self.topk} also among the {self.topk} highest" if self.topk else "")
            + f"; {len(targets)} images, {unknown} unknown entries left out"
        ]
        for thr, end in zip(self.thresholds, self._suffixes(), strict=True):
            if isinstance(thr, Thresholds):
                keys = f"with the suffix {end}" if end else "without suffix"
                lines.append(
                    f"{self.prefix}: keys {keys} have thresholds that were tuned: {thr.describe()}"
                )
        if empty:
            lines.append(f"{self.prefix}: no positive, so left out of mAP: {', '.join(empty)}")
        if self.per_class:
            positives = count_columns(to_array(targets) == 1).tolist()
            lines.append(per_class_table(names, ap.tolist(), positives, f"{self.ap} AP"))
        for line in lines:
            print_log(line, logger="current")


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
