"""The pointing game over a data set with boxes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor, nn

from mmsrdl.arguments import check_number
from mmsrdl.evaluation.functional.pointing_game import (
    PointingAccuracy,
    is_hard,
    point_hits,
    pointing_accuracy,
    pointing_hits,
)
from mmsrdl.evaluation.metrics.table import figures_table
from mmsrdl.registry import METRICS

PointingMethod = Literal["auto", "attention", "cam", "gradcam", "center"]
FIELDS = ("gt_bboxes", "gt_bboxes_labels", "gt_bboxes_difficult", "ori_shape", "img_shape")
"""What :class:`PointingGameMetric` reads of a data sample."""


@METRICS.register_module()
class PointingGameMetric(BaseMetric):
    """Whether the maximum of a class's map lies on an object of the class, in percent.

    The game is played for every pair of an image and a class that has a box in it, positive ones
    alone, whatever score the class gets; a point on any of the class's boxes is a hit. See
    :func:`pointing_hits` for points, ties and tolerance. Keys of a method ``m``:

    - ``m``: mean over classes of the class's share of hits, the figure of Zhang et al. (2018);
    - ``m_overall``: share of hits among all pairs;
    - ``m_diff``: as ``m``, on their "Diff" subset: pairs whose boxes take less than a quarter of an
      image that shows another class. Left out where there is no such pair.

    Data samples need the fields :data:`FIELDS`, with boxes in pixels of the image that the model
    sees, as MMCV's transforms leave them; :func:`mmsrdl.apis.add_pointing_game` sees to
    them. The metric asks the model for its maps, which :class:`MetricModelHook` gives to it. Under
    distributed evaluation repeated samples count once, as in all of MMEngine's metrics. Images
    that could not be loaded (``on_bad_image='skip'`` of the data set) are left out.

    Args:
        methods: Which maps, see :func:`mmsrdl.apis.class_maps`; ``'auto'`` is the first that the
            model offers. ``'center'`` is a baseline without a model: the centre of the image.
        tolerance: How many pixels of the image file off a box still count as a hit. 0: none; Zhang
            et al. take 15.
        difficult: Whether a class of which an image has only difficult boxes (VOC; crowds of COCO)
            takes part.
        per_class: Whether to return ``m/<class>``. The log always has them.
        prefix: Prefix of the keys instead of ``pointing``.

    Raises:
        TypeError: If ``tolerance`` is no number.
        ValueError: If there is no method, or an unknown or a repeated one, or ``tolerance`` is
            negative. On evaluation: if samples lack fields, or no image has a box.
        RuntimeError: On evaluation, if the model was not given.
    """

    default_prefix = "pointing"
    leaves_out_bad_images = True

    def __init__(
        self,
        methods: Sequence[PointingMethod] = ("auto", "center"),
        tolerance: float = 0.0,
        difficult: bool = False,
        per_class: bool = False,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device="cpu", prefix=prefix)
        known = get_args(PointingMethod)
        if isinstance(methods, str) or not methods or not set(methods) <= set(known):
            raise ValueError(f"methods={methods!r} must be a list of some of {known}")
        if len(set(methods)) < len(methods):
            raise ValueError(f"methods={list(methods)!r} names one twice; name each once")
        check_number("tolerance", tolerance, low=0, example=15)
        self.methods = tuple(methods)
        self.tolerance, self.difficult, self.per_class = tolerance, difficult, per_class
        self.model: nn.Module | None = None

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Plays the game on a batch.

        Keeps, of every sample, the class, whether it is hard and the hits of every method, of each
        of its pairs: [R, 2 + methods].
        """
        boxes = [
            {} if sample.get("is_bad_image") else self._boxes(sample) for sample in data_samples
        ]
        maps = self._maps(data_batch, [list(each) for each in boxes])
        for i, (sample, found) in enumerate(zip(data_samples, boxes, strict=True)):
            size = sample["ori_shape"][:2]
            around = list(found.values())
            if not around:
                self.results.append(torch.empty(0, 2 + len(self.methods), dtype=torch.float64))
                continue
            labels = {int(label) for label in sample["gt_bboxes_labels"]}
            hard = [is_hard(each, size, len(labels)) for each in around]
            columns = [torch.tensor(list(found)), torch.tensor(hard)]
            for method in self.methods:
                columns.append(
                    self._center_hits(around, size)
                    if method == "center"
                    else pointing_hits(maps[method][i, : len(found)], around, size, self.tolerance)
                )
            self.results.append(torch.stack([column.double() for column in columns], dim=1))

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Averages, in percent and without prefix, and logs a table of the classes."""
        rows = torch.cat(results) if results else torch.empty(0, 2)
        if not len(rows):
            raise ValueError(
                f"no box of any class in {len(results)} images, so that there is nothing to point "
                "at" + ("" if self.difficult else "; difficult=True counts difficult boxes")
            )
        names = [str(name) for name in (self.dataset_meta or {})["classes"]]
        classes, hard = rows[:, 0].long(), rows[:, 1].bool()
        metrics, of = {}, {}
        for method, hits in zip(self._labels(), rows[:, 2:].unbind(1), strict=True):
            of[method] = accuracy = pointing_accuracy(hits, classes, len(names))
            metrics[method] = 100 * accuracy.mean
            metrics[f"{method}_overall"] = 100 * accuracy.overall
            if hard.any():
                on_hard = pointing_accuracy(hits[hard], classes[hard], len(names))
                metrics[f"{method}_diff"] = 100 * on_hard.mean
            if self.per_class:
                metrics |= {
                    f"{method}/{names[c]}": 100 * accuracy.per_class[c].item()
                    for c in accuracy.pairs.nonzero().flatten()
                }
        self._log(names, of, int(hard.sum()))
        return metrics

    def _boxes(self, sample: Mapping[str, Any]) -> dict[int, Tensor]:
        """Returns the boxes [M, 4] of the classes that take part in an image."""
        missing = [name for name in FIELDS if sample.get(name) is None]
        if missing:
            raise ValueError(
                f"a data sample has no {', '.join(missing)}; give the data set with_boxes=True and "
                f"PackInputs these meta_keys, as mmsrdl.apis.add_pointing_game(cfg) does"
            )
        # MMCV's transforms change the boxes with the image: back to pixels of the file.
        height, width = (
            before / after
            for before, after in zip(sample["ori_shape"][:2], sample["img_shape"][:2], strict=True)
        )
        boxes = torch.as_tensor(sample["gt_bboxes"]).double()
        boxes = boxes * torch.tensor([width, height, width, height], dtype=boxes.dtype)
        labels = torch.as_tensor(sample["gt_bboxes_labels"])
        ordinary = ~torch.as_tensor(sample["gt_bboxes_difficult"]).bool()
        taking_part = labels if self.difficult else labels[ordinary]
        return {c: boxes[labels == c] for c in taking_part.unique().tolist()}

    def _maps(self, data_batch: Any, classes: list[list[int]]) -> dict[str, Tensor]:
        """Returns the maps [B, K, h, w] of every method; K is the most classes of an image."""
        # The apis import the evaluation.
        from mmsrdl.apis.class_maps import feature_class_maps

        wanted: list[Any] = [method for method in self.methods if method != "center"]
        most = max(map(len, classes), default=0)
        if not wanted or not most:
            return {method: torch.empty(len(classes), 0, 1, 1) for method in wanted}
        model: Any = self._given_model()
        index = torch.tensor([each + [0] * (most - len(each)) for each in classes])
        with torch.no_grad():
            inputs = model.data_preprocessor(data_batch, False)["inputs"]
            features = model.backbone(inputs)
        return {
            method: feature_class_maps(model, features, index, method).cpu() for method in wanted
        }

    def _center_hits(self, boxes: list[Tensor], size: tuple[int, int]) -> Tensor:
        center = torch.tensor([[size[1] / 2, size[0] / 2]], dtype=torch.float64)
        hits = [point_hits(center, each, self.tolerance) for each in boxes]
        return torch.cat(hits) if hits else torch.empty(0)

    def _given_model(self) -> nn.Module:
        if self.model is None:
            raise RuntimeError(
                "PointingGameMetric has no model to ask for maps; evaluate with `mmsrdl test`, or "
                "add custom_hooks=[dict(type='mmsrdl.MetricModelHook')]"
            )
        return self.model

    def _labels(self) -> list[str]:
        """Names the methods; of 'auto' the one that it stands for."""
        from mmsrdl.apis.class_maps import map_methods

        return [
            map_methods(self._given_model())[0] if method == "auto" else method
            for method in self.methods
        ]

    def _log(self, names: list[str], of: dict[str, PointingAccuracy], hard: int) -> None:
        pairs = next(iter(of.values())).pairs
        columns = {method: (100 * each.per_class).tolist() for method, each in of.items()}
        print_log(
            f"{self.prefix}: {int(pairs.sum())} pairs of an image and a class, of which {hard} "
            f"are hard; tolerance {self.tolerance:g} pixels"
            + figures_table(names, columns, pairs.tolist(), "pairs"),
            logger="current",
        )
