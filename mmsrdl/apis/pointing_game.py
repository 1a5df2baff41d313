"""The pointing game on the test set of a config."""

import copy
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.datasets.transforms import PackInputs
from mmpretrain.registry import DATASETS

from mmsrdl.apis.config import datasets_of
from mmsrdl.apis.resize_rule import check_whole
from mmsrdl.apis.run import test
from mmsrdl.datasets import MultiLabelDataset
from mmsrdl.evaluation.metrics.pointing_game import FIELDS, PointingMethod

__all__ = ["add_pointing_game", "pointing_game"]


def pointing_game(
    cfg: Config,
    checkpoint: str,
    methods: Sequence[PointingMethod] = ("auto", "center"),
    tolerance: float = 0.0,
    difficult: bool = False,
) -> dict[str, float]:
    """Plays the pointing game, and no more, on the test set of a config.

    Args:
        cfg: Config, see :func:`load_config`. It is copied.
        checkpoint: Checkpoint file.
        methods: See :class:`PointingGameMetric`, as for the others.
        tolerance: In pixels of the image files.
        difficult: Whether difficult boxes count.

    Returns:
        Such as ``pointing/attention``, ``pointing/attention_overall``, ``pointing/attention_diff``
        and ``pointing/attention/cat``, in percent.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
        TypeError: If a data set is none of mmsrdl's.
        ValueError: If the data has no boxes, or the pipeline crops.
    """
    cfg = copy.deepcopy(cfg)
    cfg.test_evaluator = []
    add_pointing_game(cfg, methods, tolerance, difficult, per_class=True)
    return test(cfg, checkpoint)


def add_pointing_game(
    cfg: Config,
    methods: Sequence[PointingMethod] = ("auto", "center"),
    tolerance: float = 0.0,
    difficult: bool = False,
    per_class: bool = False,
) -> None:
    """Adds the pointing game to the test of a config, and to its data what the game needs.

    Args:
        cfg: Config, which is changed.
        methods: See :class:`PointingGameMetric`, as for the others.
        tolerance: In pixels of the image files.
        difficult: Whether difficult boxes count.
        per_class: Whether to return the figure of every class.

    Raises:
        TypeError: If a data set is none of mmsrdl's.
        ValueError: If the pipeline crops.
    """
    check_whole(cfg)
    for dataset in datasets_of(cfg.test_dataloader.dataset):
        with DefaultScope.overwrite_default_scope(cfg.get("default_scope", "mmpretrain")):
            kind = DATASETS.get(dataset.type) if isinstance(dataset.type, str) else dataset.type
        if not (isinstance(kind, type) and issubclass(kind, MultiLabelDataset)):
            raise TypeError(
                f"the data set {dataset.type} has no boxes; use mmsrdl.VOCMultiLabel, "
                "mmsrdl.CocoMultiLabel or mmsrdl.MultiLabelDataset"
            )
        dataset.with_boxes = True
        pack = dataset.pipeline[-1]
        keys = pack.get("meta_keys", PackInputs.DEFAULT_META_KEYS)
        pack.meta_keys = tuple(dict.fromkeys((*keys, *FIELDS)))
    metric = dict(
        type="mmsrdl.PointingGameMetric",
        methods=tuple(methods),
        tolerance=tolerance,
        difficult=difficult,
        per_class=per_class,
    )
    given: Any = cfg.get("test_evaluator") or []
    cfg.test_evaluator = [*(given if isinstance(given, list) else [given]), metric]
