"""Under which conditions a figure was measured, and whether they are the paper's."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mmengine.config import Config

from mmsrdl.apis.config import datasets_of
from mmsrdl.apis.run import metric_config
from mmsrdl.paper_tables.published import BACKBONE, DATA, PROTOCOL, SIZE
from mmsrdl.paper_tables.run_folder import Evaluation
from mmsrdl.paper_tables.systems import bare_type

__all__ = ["Conditions", "data_of", "read_conditions"]

METRIC_SETTINGS = ("thr", "topk", "ap")
"""Of the metric: where a config gives one, it is named beside the protocol."""

FROZEN = {"backbone": "CachedMaps", "dataset": "FeatureMapDataset"}
"""Types by which heads are trained on the kept maps of a backbone that does not learn."""

LABEL_SETTINGS = ("difficult", "filter_empty")
"""Of a data set: which labels and images a figure counts."""

CHOICES = ("keep", "p", "n", "file", "part", "held_out")
"""Of wrappers: which labels are hidden, which images held out."""

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Conditions:
    """All that two runs must share for a mean of their figures to mean something.

    Attributes:
        data: Key of ``DATA``.
        train: Training images, such as ``'trainval'``.
        test: Images that the figure is of.
        images: How many of them; None where no log says.
        backbone: Such as ``'ResNet-101'``.
        size: Pixels of a side, such as ``'448'``.
        protocol: Preset of the metric, and what its config changes.
        length: Length of the training, and which checkpoint was evaluated.
        settings: What differs from the system's leaf config.
    """

    data: str
    train: str
    test: str
    images: int | None
    backbone: str
    size: str
    protocol: str
    length: str
    settings: tuple[str, ...] = ()

    @property
    def is_papers(self) -> bool:
        """Whether all that the paper says of its conditions holds, at the end of the training."""
        paper = DATA[self.data]
        return (
            (self.backbone, self.size, self.protocol) == (BACKBONE, SIZE, PROTOCOL)
            and (self.test, self.images) == (paper.test, paper.images)
            and self.train in (paper.train, UNKNOWN)
            and " of " not in self.length
            and not self.settings
        )

    def describe(self) -> str:
        """Says all of it in one line."""
        trained = "" if self.train == UNKNOWN else f", trained on {self.train}"
        parts = [
            self.backbone,
            self._pixels(),
            f"{self._images()} images of {self.test}{trained}",
            f"protocol {self.protocol}",
            self.length,
            *self.settings,
        ]
        return ", ".join(parts)

    def label(self) -> str:
        """Says all of it, and first of all if it is not as in the paper."""
        return ("" if self.is_papers else "not the paper's conditions: ") + self.describe()

    def compare(self, other: "Conditions") -> str:
        """Says in what two differ: ``'size 448 and 192'``."""
        return ", ".join(
            f"{field.name} {_show(mine)} and {_show(theirs)}"
            for field in fields(self)
            if (mine := getattr(self, field.name)) != (theirs := getattr(other, field.name))
        )

    def _pixels(self) -> str:
        return "unknown size" if self.size == UNKNOWN else f"{self.size} px"

    def _images(self) -> str:
        return f"{self.images:,}" if self.images is not None else "an unknown number"


def read_conditions(
    evaluation: Evaluation, training: Config | None, data: str, settings: Sequence[str]
) -> Conditions:
    """Reads under which conditions an evaluation was made.

    Args:
        evaluation: The evaluation.
        training: Config of the training; None where there was none.
        data: Key of ``DATA``.
        settings: What differs from the system's leaf config.
    """
    cfg = evaluation.cfg
    images = cfg[f"{evaluation.loader}_dataloader"].dataset
    dataset = next(datasets_of(images))
    return Conditions(
        data,
        UNKNOWN if training is None else _subset(training.train_dataloader.dataset),
        _subset(images, LABEL_SETTINGS),
        evaluation.images,
        _backbone(cfg.model.get("backbone")),
        _size(dataset.get("pipeline") or ()),
        _protocol(metric_config(cfg, cfg[f"{evaluation.loader}_evaluator"])),
        _length(evaluation, training),
        tuple(settings),
    )


def data_of(evaluation: Evaluation) -> str | None:
    """Returns which of the paper's data sets an evaluation is of, or None.

    A data set with classes of its own (``metainfo``) is none of them, and neither is another year
    of VOC. Frozen maps are those that their folder names.
    """
    dataset = next(datasets_of(evaluation.cfg[f"{evaluation.loader}_dataloader"].dataset))
    kind = bare_type(dataset.get("type")).lower()
    if (dataset.get("metainfo") or {}).get("classes"):
        return None
    folder = str(dataset.get("data_root", "")).lower()
    if kind == FROZEN["dataset"].lower():
        kind = folder
    if "voc" in kind:
        years = re.findall(r"voc(?:20)?(\d\d)", folder)
        return "voc07" if set(years) <= {"07"} else None
    return "coco" if "coco" in kind else None


def _subset(dataset: Any, settings: Sequence[str] = ()) -> str:
    """Names the images of a data set: its split, its file of annotations, and what is chosen.

    What wrappers choose, such as labels that they hide, is named after it.
    """
    names = []
    for each in datasets_of(dataset):
        parts = [each.get("split"), _stem(each.get("ann_file"))]
        for name in ("indices", *settings):
            parts.append(f"{name}={each[name]!r}" if each.get(name) is not None else None)
        names.append(" ".join(part for part in parts if part) or UNKNOWN)
    return " ".join([" + ".join(names), *_choices(dataset)])


def _choices(dataset: Any) -> Iterator[str]:
    """Yields what the wrappers of a data set choose."""
    while "dataset" in dataset:
        for name in CHOICES:
            if dataset.get(name) is not None:
                yield f"{name}={dataset[name]!r}"
        dataset = dataset["dataset"]


def _stem(path: Any) -> str | None:
    return os.path.splitext(os.path.basename(path))[0] if path else None


def _backbone(backbone: Any) -> str:
    """Names a backbone."""
    kind = bare_type(backbone.get("type")) if backbone else "no backbone"
    if not backbone or kind == FROZEN["backbone"]:
        return "frozen maps" if backbone else kind
    narrow = backbone.get("base_channels", 64)
    width = "" if narrow == 64 else f" of {narrow} base channels"
    if backbone.get("depth") is not None:
        return f"{kind}-{backbone.depth}{width}"
    if kind == "TIMMBackbone":
        return str(backbone.get("model_name"))
    arch = backbone.get("arch")
    return f"{kind} {arch}" if isinstance(arch, str) else kind


def _size(pipeline: Sequence[Any]) -> str:
    """Returns the size that a pipeline's last resizing or cropping step leaves."""
    size = None
    for step in pipeline:
        kind = bare_type(step.get("type"))
        if "Resize" in kind or "Crop" in kind:
            size = step.get("scale") or step.get("crop_size")
    if size is None:
        return UNKNOWN
    sides = size if isinstance(size, list | tuple) else (size,)
    return " x ".join(str(side) for side in dict.fromkeys(sides))


def _protocol(metric: Any) -> str:
    """Names the metric's preset, and what is given besides."""
    given = [f"{name}={metric[name]!r}" for name in METRIC_SETTINGS if name in metric]
    preset = metric.get("protocol") or PROTOCOL
    first = preset[0] if isinstance(preset, list | tuple) else preset
    name = first if isinstance(first, str) else getattr(first, "name", str(first))
    return " ".join([name, *given])


def _length(evaluation: Evaluation, training: Config | None) -> str:
    """Says how long was trained, and which checkpoint was evaluated if it is not the last."""
    file = os.path.basename(evaluation.cfg.get("load_from") or "") or "a checkpoint"
    if training is None:
        return f"checkpoint {file}"
    loop = training.train_cfg
    by_epoch = loop.get("max_epochs") is not None
    unit, length = ("epoch", loop.max_epochs) if by_epoch else ("iteration", loop.get("max_iters"))
    found = re.fullmatch(r"(?:epoch|iter)_(\d+)\.pth", file)
    step = evaluation.step if evaluation.loader == "val" else found and int(found[1])
    if step is None:
        return f"checkpoint {file} of {length} {unit}s"
    return f"{length} {unit}s" if step == length else f"{unit} {step} of {length}"


def _show(value: Any) -> str:
    """Writes a condition for an error."""
    return ("; ".join(value) or "none") if isinstance(value, tuple) else str(value)
