"""ZSL and GZSL of a data set in one run."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmsrdl.arguments import check_integer
from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.class_names import check_class_names, read_class_names
from mmsrdl.evaluation.batch import ScoredBatch
from mmsrdl.evaluation.functional.cuts import check_choice
from mmsrdl.evaluation.functional.open_vocabulary import (
    EmptyClasses,
    Images,
    open_vocabulary_figures,
)
from mmsrdl.evaluation.metrics.bad_images import bad_image_figures
from mmsrdl.evaluation.metrics.class_names import class_names
from mmsrdl.evaluation.metrics.gathered import GatheredMetric
from mmsrdl.evaluation.metrics.table import rows_table
from mmsrdl.registry import METRICS

IMAGES_WORDS = {"all": "all count", "with_positive": "those with a positive of the part count"}
EMPTY_WORDS = {"left_out": "left out of mAP", "zero": "AP 0 in mAP"}


@METRICS.register_module()
class OpenVocabularyMetric(GatheredMetric):
    """Zero-shot (ZSL) and generalised zero-shot (GZSL) figures in one run, in percent.

    Classes of the data set are seen or unseen in training. Keys, each with ``mAP``, ``P_top3``,
    ``R_top3``, ``F1_top3`` and so on for other k (see :func:`open_vocabulary_figures`):

    - ``ZSL/...``: the unseen classes among themselves;
    - ``GZSL/...``: all classes;
    - ``seen/...``, ``unseen/...``: their part of GZSL, the k highest among all classes;
    - ``H/...``: the harmonic mean of these two, of mAP and F1.

    If all classes are unseen, there is ZSL alone.

    A data sample needs ``pred_score`` [C], any numbers that rank classes, and ``gt_score`` [C] of
    1, 0 and -1, or ``gt_label``, class indices. ZSL takes the unseen classes' columns of
    ``pred_score``, which is right where the score of a class does not depend on which others are
    asked for. Where it does, as SigRL's published one, the model gives ``pred_score_unseen`` [U]
    beside it, the scores of the unseen classes asked for alone, and ``unseen_vocabulary``, their
    names, which must be those of ``unseen`` in the same order; all samples have it or none. The log
    says which was taken.

    Under distributed evaluation the scores are exchanged once, as tensors, and samples that the
    sampler repeated are counted once. Images that could not be loaded (``on_bad_image='skip'`` of
    the data set) are left out; where there are any, the key ``bad_images`` is their number.

    Args:
        unseen: Names of the unseen classes, or a file of one name a line. None: the data set's
            ``metainfo['unseen_classes']``, which :class:`NUSWIDE` has.
        k: How many classes of an image are predicted; figures for each.
        images: ``'all'``: every image counts, as in the public code of LESA, BiAM, MKT and SigRL;
            ``'with_positive'``: each part counts the images with a positive of its own, as QKS.
        empty_classes: Classes without a positive are ``'left_out'`` of mAP, as in QKS, or have the
            AP ``'zero'``, as in BiAM, MKT and SigRL.
        prefix: Prefix of the keys instead of ``ov``.

    Raises:
        TypeError: An entry of ``k`` is no integer.
        ValueError: An option is unknown, ``k`` holds nothing or one twice, or names repeat. On
            evaluation: there is no unseen class, one is not the data set's, an entry of ``k``
            exceeds their number, samples lack fields, or a part has no positive.
    """

    default_prefix = "ov"
    leaves_out_bad_images = True

    def __init__(
        self,
        unseen: Sequence[str] | str | None = None,
        k: Sequence[int] = (3, 5),
        images: Images = "all",
        empty_classes: EmptyClasses = "left_out",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device="cpu", prefix=prefix)
        check_choice("images", images, Images)
        check_choice("empty_classes", empty_classes, EmptyClasses)
        if not isinstance(k, list | tuple) or not k or len(set(k)) < len(k):
            raise ValueError(f"k={k!r} must be a list of distinct numbers, such as (3, 5)")
        for each in k:
            check_integer("an entry of k", each, low=1, example=3)
        names = read_class_names(unseen) if isinstance(unseen, str) else unseen
        self.unseen = None if names is None else check_class_names(names)
        self.k, self.images, self.empty_classes = tuple(k), images, empty_classes

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep scores and targets of a batch.

        Raises:
            ValueError: A sample lacks a field, or holds a malformed one; or the unseen classes do
                not go with the data set.
        """
        if not len(data_samples):
            return
        batch = ScoredBatch.from_samples(data_samples).to("cpu")
        unseen = self._columns(class_names(self.dataset_meta, batch.scores.shape[1]))
        own = [sample.get("pred_score_unseen") for sample in data_samples]
        if any(scores is not None for scores in own):
            if (self.dataset_meta or {}).get("classes") is None:
                raise ValueError(
                    "pred_score_unseen is of classes by name, and the data set names none; give it "
                    "metainfo=dict(classes=[...])"
                )
            # Further columns, which are exchanged with the others.
            scores = _stack(own, len(unseen)).to(batch.scores)
            for sample in data_samples:
                self.check_vocabulary(sample.get("unseen_vocabulary", ()))
            batch = batch._replace(
                scores=torch.cat([batch.scores, scores], dim=1),
                targets=torch.cat([batch.targets, batch.targets[:, unseen]], dim=1),
            )
        self.results.append(batch)

    def compute_metrics(self, results: list[ScoredBatch]) -> dict[str, float]:
        """Compute the figures, in percent and without prefix, and log them as a table."""
        batch, bad_images = ScoredBatch.concat(results).without_bad_images()
        names = self._names(batch.scores.shape[1])
        unseen = self._columns(names)
        scores, own = batch.scores[:, : len(names)], batch.scores[:, len(names) :]
        targets = batch.labels()[0][:, : len(names)]
        self._check_positives(targets, unseen)
        rows = open_vocabulary_figures(
            scores,
            targets,
            unseen,
            own if own.shape[1] else None,
            self.k,
            self.images,
            self.empty_classes,
        )
        rows = {
            part: {key: 100 * value for key, value in figures.items()}
            for part, figures in rows.items()
        }
        self._log(names, unseen, targets, rows, own_scores=bool(own.shape[1]))
        metrics = {
            f"{part}/{key}": value for part, row in rows.items() for key, value in row.items()
        }
        return metrics | bad_image_figures(bad_images, str(self.prefix))

    def _names(self, width: int) -> list[str]:
        """Returns the names of the classes, of what may be more columns."""
        classes = (self.dataset_meta or {}).get("classes")
        return class_names(self.dataset_meta, width if classes is None else len(classes))

    def check_vocabulary(self, asked: Sequence[str]) -> None:
        """Refuses names of ``pred_score_unseen`` that are not the unseen classes in their order.

        Args:
            asked: The names, such as the ``zsl_vocabulary`` of :class:`SigRLHead`.

        Raises:
            ValueError: If they differ.
        """
        unseen = self._unseen_names()
        if tuple(asked) == unseen:
            return
        for place, (given, expected) in enumerate(zip_longest(asked, unseen)):
            if given != expected:
                raise ValueError(
                    f"the scores of {len(asked)} classes in pred_score_unseen are not those of the "
                    f"metric's {len(unseen)} unseen ones: number {place} is {given!r} in the "
                    f"head's zsl_vocabulary (the samples' unseen_vocabulary) and {expected!r} in "
                    "the metric's unseen; give both the same names in the same order"
                )

    def _unseen_names(self) -> tuple[str, ...]:
        if self.unseen is not None:
            return self.unseen
        return tuple((self.dataset_meta or {}).get("unseen_classes", ()))

    def _columns(self, names: Sequence[str]) -> list[int]:
        """Returns the columns of the unseen classes, in their order."""
        unseen = self._unseen_names()
        if not unseen:
            raise ValueError(
                f"{type(self).__name__} knows no unseen class: the data set has no (or empty) "
                "metainfo['unseen_classes']; give unseen=[...], their names"
            )
        place = {name: column for column, name in enumerate(names)}
        outside = [name for name in unseen if name not in place]
        if outside:
            raise ValueError(
                f"{len(outside)} unseen classes are not among the {len(names)} of the data set: "
                f"{first_of(outside)}; spell them as there, and evaluate on seen and unseen classes"
            )
        if max(self.k) > len(unseen):
            raise ValueError(
                f"k={self.k} exceeds the number of unseen classes, {len(unseen)}; give a smaller k"
            )
        return [place[name] for name in unseen]

    def _check_positives(self, targets: Tensor, unseen: Sequence[int]) -> None:
        is_positive = (targets == 1).any(0)
        parts = {"unseen": is_positive[list(unseen)]}
        if len(unseen) < len(is_positive):
            is_seen = torch.ones_like(is_positive)
            is_seen[list(unseen)] = False
            parts["seen"] = is_positive[is_seen]
        for name, part in parts.items():
            if not part.any():
                raise ValueError(
                    f"mAP of {name} classes is undefined: none of {len(part)} has a positive in "
                    f"{len(targets)} images; check that the data set's labels hold {name} classes, "
                    "such as labels='all' of mmsrdl.NUSWIDE"
                )

    def _log(
        self,
        names: Sequence[str],
        unseen: Sequence[int],
        targets: Tensor,
        rows: Mapping[str, Mapping[str, float]],
        own_scores: bool,
    ) -> None:
        """Log what was counted, and a table of the parts."""
        empty = [name for name, any_ in zip(names, (targets == 1).any(0), strict=True) if not any_]
        unknown = int((targets == -1).count_nonzero())
        source = (
            "scores of the unseen classes asked for alone (pred_score_unseen)"
            if own_scores
            else "the unseen classes' columns of pred_score"
        )
        line = (
            f"{self.prefix}: {len(targets)} images, {IMAGES_WORDS[self.images]}; "
            f"{len(names) - len(unseen)} seen and {len(unseen)} unseen classes; ZSL by {source}; "
            f"{unknown} unknown entries left out; {len(empty)} classes without a positive"
        )
        if empty:
            line += f", {EMPTY_WORDS[self.empty_classes]}: {first_of(empty)}"
        print_log(line + rows_table("part", rows, list(rows["ZSL"])), logger="current")


def _stack(scores: Sequence[Any], unseen: int) -> Tensor:
    """Returns the scores of the unseen classes, [n, U]."""
    missing = sum(score is None for score in scores)
    if missing:
        raise ValueError(
            f"{missing} of {len(scores)} data samples of a batch have no pred_score_unseen, which "
            "all have or none; let the head's predict() give it to all"
        )
    tensors = [torch.as_tensor(score).detach().cpu() for score in scores]
    sizes = sorted({tuple(tensor.shape) for tensor in tensors} - {(unseen,)})
    if sizes:
        raise ValueError(
            f"pred_score_unseen must have the shape [{unseen}], a score for each unseen class of "
            f"the metric, got {list(sizes[0])}; let the head be asked for the same names"
        )
    return torch.stack(tensors)
