"""The data sets of a config as images with labels by name."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, TRANSFORMS

from mmsrdl.apis.config import LOADERS, datasets_of
from mmsrdl.datasets import HeldOutSplit, MultiLabelDataset, ObservedDataset
from mmsrdl.datasets.formats import (
    Annotations,
    ImageRecord,
    Problem,
    open_annotations,
    parse_annotations,
)
from mmsrdl.datasets.splits import DataSplit

__all__ = ["loader_of_config", "splits_of_config"]


def splits_of_config(cfg: Config) -> list[DataSplit]:
    """Reads the data sets of a config's loaders, as far as they can be read.

    A test set that is the validation set is left out. Of a :class:`HeldOutSplit` its part is read,
    of an :class:`ObservedDataset` what it leaves known.

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
            for dataset in _labeled_sets(loader.dataset) if loader else ():
                splits.append(_split_of(key.removesuffix("_dataloader"), dataset))
    if not splits:
        raise ValueError(f"{cfg.filename} has no train_, val_ or test_dataloader with a dataset")
    validated = {_place(split) for split in splits if split.name == "val"}
    return [split for split in splits if split.name != "test" or _place(split) not in validated]


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
                    return TRANSFORMS.build(first)
    return None


def _place(split: DataSplit) -> tuple[str, str]:
    return split.annotations.source, split.images


def _labeled_sets(cfg: ConfigDict) -> Iterator[ConfigDict]:
    """Yields the data sets inside wrappers, with those that choose images or labels of one."""
    if _chooses(cfg) or not {"dataset", "datasets"} & cfg.keys():
        yield cfg
        return
    for inner in [cfg.dataset] if "dataset" in cfg else cfg.datasets:
        yield from _labeled_sets(inner)


def _chooses(cfg: ConfigDict) -> bool:
    kind = DATASETS.get(cfg.type) if isinstance(cfg.type, str) else cfg.type
    return kind in (HeldOutSplit, ObservedDataset)


def _split_of(name: str, cfg: ConfigDict) -> DataSplit:
    cfg = deepcopy(cfg)
    for inner in datasets_of(cfg):
        inner.update(pipeline=[], lazy_init=True)
    dataset: Any = DATASETS.build({**cfg, "lazy_init": True})
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


def _split_of_infos(name: str, dataset: Any) -> DataSplit:
    """Reads a data set of another kind, all of it or nothing."""
    base = getattr(dataset, "base", dataset)
    source = str(getattr(base, "ann_file", "") or type(base).__name__)
    problems, infos = [], []
    try:
        if base is dataset:
            infos = dataset.load_data_list()
        else:
            dataset.full_init()
            infos = [dataset.get_data_info(index) for index in range(len(dataset))]
            source += f", {len(infos)} of its images"
    except ValueError as error:
        problems.append(Problem(0, str(error)))
    classes = tuple(dataset.CLASSES or ())
    records = [
        ImageRecord(
            info["img_path"],
            _names(info["gt_label"], classes),
            _names(info.get("gt_label_difficult", ()), classes),
        )
        for info in infos
    ]
    return DataSplit(name, Annotations(records, classes, source), "", classes or None, problems)


def _names(labels: Any, classes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(classes[i] if 0 <= i < len(classes) else f"class {i}" for i in labels)
