"""The data sets of a config as images with labels by name."""

import copy
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, TRANSFORMS

from mmsrdl.apis.config import LOADERS, datasets_of
from mmsrdl.datasets import MultiLabelDataset
from mmsrdl.datasets.formats import (
    Annotations,
    ImageRecord,
    Problem,
    open_annotations,
    parse_annotations,
)
from mmsrdl.datasets.observation.wrapper import InPlaceWrapper
from mmsrdl.datasets.splits import DataSplit
from mmsrdl.datasets.transforms.load_whole_image import load_whole_images

__all__ = ["loader_of_config", "splits_of_config", "whole_datasets_of"]


def splits_of_config(cfg: Config) -> list[DataSplit]:
    """Reads the data sets of a config's loaders, as far as they can be read.

    A test set that is the validation set is left out. Of one whose labels are hidden, or whose
    images are divided (:class:`ObservedDataset`, :class:`HeldOutSplit`), these are what is left.

    Args:
        cfg: See :func:`load_config`.

    Raises:
        FileNotFoundError: If an annotation file does not exist.
        ValueError: If the config has no data sets.
    """
    splits: list[DataSplit] = []
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or "mmpretrain"):
        for key in LOADERS:
            loader = cfg.get(key)
            for dataset in whole_datasets_of(loader.dataset) if loader else ():
                splits.append(_split_of(key.removesuffix("_dataloader"), dataset))
    if not splits:
        raise ValueError(f"{cfg.filename} has no train_, val_ or test_dataloader with a dataset")
    validated = {_place(split) for split in splits if split.name == "val"}
    return [split for split in splits if split.name != "test" or _place(split) not in validated]


def whole_datasets_of(dataset: ConfigDict) -> Iterator[ConfigDict]:
    """Yields the data sets of a config as :func:`datasets_of`, with what changes them in place.

    Args:
        dataset: Config of a data set, of an ``ObservedDataset`` or a ``HeldOutSplit``, or of any
            wrapper of such.
    """
    if _is_changed_in_place(dataset):
        yield dataset
    elif "dataset" in dataset:
        yield from whole_datasets_of(dataset.dataset)
    elif "datasets" in dataset:
        for inner in dataset.datasets:
            yield from whole_datasets_of(inner)
    else:
        yield dataset


def _is_changed_in_place(dataset: ConfigDict) -> bool:
    kind = dataset.type if isinstance(dataset.type, type) else DATASETS.get(dataset.type)
    return isinstance(kind, type) and issubclass(kind, InPlaceWrapper)


def loader_of_config(cfg: Config) -> Any:
    """Builds the transform that loads the images of a config's first data set.

    Returns:
        The transform; None where the pipeline begins with another one.
    """
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or "mmpretrain"):
        for key in LOADERS:
            for dataset in datasets_of(cfg[key].dataset) if cfg.get(key) else ():
                first = dataset.pipeline[0] if dataset.get("pipeline") else {}
                if str(first.get("type", "")).endswith("LoadImageFromFile"):
                    return load_whole_images([TRANSFORMS.build(first)])[0]
    return None


def _place(split: DataSplit) -> tuple[str, str]:
    return split.annotations.source, split.images


def _split_of(name: str, cfg: ConfigDict) -> DataSplit:
    if _is_changed_in_place(cfg):
        return _split_of_what_is_left(name, cfg)
    dataset: Any = DATASETS.build({**cfg, "pipeline": [], "lazy_init": True})
    if type(dataset) is not MultiLabelDataset:
        return _split_of_infos(name, dataset)
    problems: list[Problem] = []
    annotations, images = Annotations([], source=dataset.ann_file), dataset.img_prefix
    try:
        file = open_annotations(dataset.ann_file, dataset.format)
        annotations = parse_annotations(file, problems)
        images = dataset.image_folder(file.format, annotations)
    except ValueError as error:
        problems.append(Problem(0, str(error)))
    return DataSplit(name, annotations, images, dataset.CLASSES or annotations.classes, problems)


def _split_of_what_is_left(name: str, cfg: ConfigDict) -> DataSplit:
    cfg = copy.deepcopy(cfg)
    (inner,) = datasets_of(cfg)
    inner.pipeline = []
    whole = _split_of(name, inner)
    if whole.problems:
        return whole
    try:
        dataset: Any = DATASETS.build(cfg)
    except ValueError as error:
        whole.problems.append(Problem(0, str(error)))
        return whole
    classes = tuple(dataset.CLASSES)
    records = _records([dataset.get_data_info(i) for i in range(len(dataset))], classes)
    return DataSplit(name, Annotations(records, classes, whole.annotations.source), "", classes)


def _split_of_infos(name: str, dataset: Any) -> DataSplit:
    """Reads a data set of another kind, all of it or nothing."""
    source = str(getattr(dataset, "ann_file", "") or type(dataset).__name__)
    problems, infos = [], []
    try:
        infos = dataset.load_data_list()
    except ValueError as error:
        problems.append(Problem(0, str(error)))
    classes = tuple(dataset.CLASSES or ())
    records = _records(infos, classes)
    return DataSplit(name, Annotations(records, classes, source), "", classes or None, problems)


def _records(infos: list[dict], classes: tuple[str, ...]) -> list[ImageRecord]:
    return [
        ImageRecord(
            info["img_path"],
            _names(info["gt_label"], classes),
            _names(info.get("gt_label_difficult", ()), classes),
        )
        for info in infos
    ]


def _names(labels: Any, classes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(classes[i] if 0 <= i < len(classes) else f"class {i}" for i in labels)
