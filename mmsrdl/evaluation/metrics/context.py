"""Whether a model leans on context, at every evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.datasets.class_names import first_difference
from mmsrdl.datasets.statistics import LabelStatistics, file_statistics
from mmsrdl.evaluation.batch import ScoredBatch
from mmsrdl.evaluation.functional.context import (
    COCO_AREAS,
    CompanionRule,
    ContextFigures,
    check_bounds,
    context_figures,
    largest_areas,
)
from mmsrdl.evaluation.metrics.bad_images import bad_image_figures
from mmsrdl.evaluation.metrics.class_names import class_names
from mmsrdl.evaluation.metrics.context_table import (
    context_class_table,
    context_figures_dict,
    context_text,
)
from mmsrdl.evaluation.metrics.gathered import GatheredMetric
from mmsrdl.registry import METRICS

SIZE_FIELDS = ("gt_bboxes", "gt_bboxes_labels", "gt_bboxes_difficult", "img_shape")
"""What ``sizes=True`` reads of a data sample."""


@METRICS.register_module()
class ContextMetric(GatheredMetric):
    """AP with and without a class's usual companions, and of rare, lone and small objects.

    All figures are AP_N in percent: AP at one number of positives for all groups, as groups differ
    in size and AP rises with the share of positives (:func:`normalized_average_precision`). They
    are means over the classes that have enough entries; see :func:`context_figures` for the groups.
    Keys:

    - ``all``: all positives against all negatives;
    - ``context/with``, ``context/without``, ``context/gap``: positives in images with a usual
      companion of their class, without any, and the first less the second;
    - ``false_alarms/with``, ``false_alarms/without``, ``false_alarms/gap``: all positives against
      negatives in images with a companion, without any, and the second less the first;
    - ``rarity/rare``, ``rarity/medium``, ``rarity/frequent``: classes by their training images;
    - ``labels/1``, ``labels/2``, ``labels/3``, ``labels/4+``: positives by the labels of an image;
    - ``size/small``, ``size/medium``, ``size/large`` with ``sizes=True``: positives by the share of
      the image that the largest ordinary object of the class takes.

    Each has its 95 % bootstrap interval over images beside it, ``_low`` and ``_high``, and the
    number of entries, ``_n``. A group that no class has enough entries of has no key. The log has a
    table of all, and names the classes that are left out.

    A data sample needs ``pred_score`` [C], any numbers that rank images, and ``gt_score`` [C] of
    1, 0 and -1, or ``gt_label``. Entries of -1 (unknown, or of difficult objects alone) are in no
    figure, and decide nothing: a positive of which it is not known whether a companion is there is
    in neither group. Images that could not be loaded are left out; where there are any, the key
    ``bad_images`` is their number. Under distributed evaluation the scores are exchanged once, as
    tensors, and samples that the sampler repeated are counted once.

    Args:
        training: Annotation file of the training images, of any format of
            :class:`MultiLabelDataset`. None: the training set of the run, whose labels
            :class:`LabelStatisticsHook` gives; every run of ``mmsrdl`` has it.
        min_probability: A class j is a usual companion of c with P(j | c) of at least this in
            training, and a lift above ``min_lift``; see :class:`CompanionRule`.
        min_lift: Of P(j | c) / P(j).
        min_positives: A class counts in a group where it has at least so many positives.
        min_negatives: A class counts in ``false_alarms`` where each group has at least so many
            negatives.
        positives: N of AP_N. None: the mean number of positives of the classes that have any.
            Give one to compare different sets of images.
        rarity_bounds: From how many training images on a class is medium, and frequent, such as
            ``(20, 100)``. None: thirds of the classes.
        sizes: Whether to read boxes: the data set then needs ``with_boxes=True``, and PackInputs
            the ``meta_keys`` :data:`SIZE_FIELDS`.
        area_bounds: From which share of the image on an object is medium, and large. Those of
            COCO's 32 x 32 and 96 x 96 pixels in an image of 640 x 480 by default.
        bootstrap: Replicates of the intervals; 0 for none. 80 classes of 40,000 images
            take about a minute a hundred; 20 classes of 1,000 a second in all.
        per_class: Whether to return ``context/with/<class>`` and ``context/without/<class>`` and
            to log them, with the companions of every class.
        prefix: Prefix of the keys instead of ``ctx``.

    Raises:
        TypeError: A number is of another type.
        FileNotFoundError: The annotation file does not exist.
        ValueError: A number is out of range. On evaluation: the training labels are not known or
            are of other classes, samples lack fields, or no class has enough positives.
    """

    default_prefix = "ctx"
    leaves_out_bad_images = True

    def __init__(
        self,
        training: str | None = None,
        min_probability: float = 0.2,
        min_lift: float = 1.0,
        min_positives: int = 10,
        min_negatives: int = 100,
        positives: float | None = None,
        rarity_bounds: Sequence[int] | None = None,
        sizes: bool = False,
        area_bounds: Sequence[float] = COCO_AREAS,
        bootstrap: int = 200,
        per_class: bool = False,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device="cpu", prefix=prefix)
        self.rule = CompanionRule(min_probability, min_lift)
        check_integer("min_positives", min_positives, low=1, example=10)
        check_integer("min_negatives", min_negatives, low=1, example=100)
        check_integer("bootstrap", bootstrap, low=0, example=200)
        if positives is not None:
            check_number("positives", positives, low=1e-9, example=50)
        if rarity_bounds is not None:
            check_bounds("rarity_bounds", rarity_bounds, example=(20, 100))
        check_bounds("area_bounds", area_bounds, example=(0.01, 0.1))
        self.options: dict[str, Any] = dict(
            rule=self.rule,
            min_positives=min_positives,
            min_negatives=min_negatives,
            positives=positives,
            rarity_bounds=rarity_bounds,
            area_bounds=area_bounds,
            replicates=bootstrap,
        )
        self.training, self.sizes, self.per_class = training, sizes, per_class
        self.statistics: LabelStatistics | None = None

    @property
    def wants_statistics(self) -> bool:
        """Whether the labels of the run's training set are asked for."""
        return self.training is None

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep scores and targets of a batch, and the sizes of its objects.

        Raises:
            ValueError: A sample lacks a field, or holds a malformed one.
        """
        if not len(data_samples):
            return
        batch = ScoredBatch.from_samples(data_samples).to("cpu")
        if self.sizes:
            areas = torch.stack(
                [_areas(sample, batch.scores.shape[1]) for sample in data_samples]
            ).to(batch.scores)
            # Further columns, which are exchanged with the others.
            batch = batch._replace(
                scores=torch.cat([batch.scores, areas], dim=1),
                targets=torch.cat([batch.targets, batch.targets], dim=1),
            )
        self.results.append(batch)

    def compute_metrics(self, results: list[ScoredBatch]) -> dict[str, float]:
        """Compute the figures, in percent and without prefix, and log them as a table."""
        batch, bad_images = ScoredBatch.concat(results).without_bad_images()
        width = batch.scores.shape[1] // (2 if self.sizes else 1)
        names = class_names(self.dataset_meta, width)
        areas = batch.scores[:, width:] if self.sizes else None
        targets = batch.labels()[0][:, :width]
        figures = context_figures(
            batch.scores[:, :width], targets, self._training_of(names), areas=areas, **self.options
        )
        self._log(names, targets, figures)
        metrics = context_figures_dict(figures)
        if self.per_class:
            metrics |= {
                f"context/{group}/{name}": 100 * value
                for group, values in figures.per_class.items()
                for name, value, count in zip(
                    names, values.tolist(), figures.counts[group].tolist(), strict=True
                )
                if count
            }
        return metrics | bad_image_figures(bad_images, str(self.prefix))

    def _training_of(self, names: Sequence[str]) -> LabelStatistics:
        """Returns the numbers of the training labels of these classes."""
        if self.training is not None:
            return file_statistics(self.training, names)
        if self.statistics is None:
            raise ValueError(
                f"{type(self).__name__} knows no training labels, by which companions are usual; "
                "give training='annotations.csv', or evaluate a config that has a "
                "train_dataloader with custom_hooks=[dict(type='mmsrdl.LabelStatisticsHook')], "
                "which every run of mmsrdl has"
            )
        classes = self.statistics.classes
        if (self.dataset_meta or {}).get("classes") is not None and tuple(names) != classes:
            raise ValueError(
                "the training set has other classes than the evaluated one: "
                f"{first_difference(classes, names)}; give both the same "
                "metainfo=dict(classes=[...])"
            )
        return self.statistics

    def _log(self, names: Sequence[str], targets: Tensor, figures: ContextFigures) -> None:
        text = context_text(
            figures, names, self.rule, self.options["min_positives"], self.options["min_negatives"]
        )
        unknown = int((targets == -1).count_nonzero())
        line = f"{self.prefix}: {len(targets)} images; {unknown} entries of -1 left out; "
        print_log(line + text, logger="current")
        if self.per_class:
            print_log(
                f"{self.prefix}: with and without usual companions, by class"
                + context_class_table(figures, names),
                logger="current",
            )


def _areas(sample: Mapping[str, Any], classes: int) -> Tensor:
    """Share of the image that the largest ordinary object of each class takes, [C]; NaN: none."""
    if sample.get("is_bad_image"):
        return torch.full((classes,), torch.nan)
    missing = [name for name in SIZE_FIELDS if sample.get(name) is None]
    if missing:
        raise ValueError(
            f"sizes=True, but a data sample has no {', '.join(missing)}; give the data set "
            f"with_boxes=True and PackInputs meta_keys with {', '.join(SIZE_FIELDS)}"
        )
    height, width = sample["img_shape"][:2]
    boxes = torch.as_tensor(sample["gt_bboxes"]).double().reshape(-1, 4)
    shares = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1) / (height * width)
    ordinary = ~torch.as_tensor(sample["gt_bboxes_difficult"]).bool()
    labels = torch.as_tensor(sample["gt_bboxes_labels"]).long()
    return largest_areas(labels[ordinary], shares[ordinary], classes)
