"""How the images of a model are resized, as far as one rule can say it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mmcv.transforms
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.datasets.transforms import PackInputs
from mmpretrain.registry import TRANSFORMS

from mmsrdl.apis.config import datasets_of
from mmsrdl.arguments import check_integer
from mmsrdl.datasets.transforms import TorchResize

__all__ = ["ResizeRule", "resize_rule"]

INTERPOLATIONS = ("bilinear", "bicubic")


@dataclass(frozen=True)
class ResizeRule:
    """How an image is brought to the size of a model's input, whole and without crop.

    Attributes:
        size: Height and width.
        interpolation: ``'bicubic'`` or ``'bilinear'``.
        antialias: Whether the filter widens where it shrinks, as Pillow's does and OpenCV's does
            not.
    """

    size: tuple[int, int]
    interpolation: str = "bicubic"
    antialias: bool = True

    def __post_init__(self) -> None:
        for side in self.size:
            check_integer("size", side, low=1, example=448)
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"interpolation={self.interpolation!r} must be one of {INTERPOLATIONS}"
            )


def resize_rule(cfg: Config, size: int | None = None) -> ResizeRule:
    """Reads how a config's test pipeline resizes images.

    Args:
        cfg: The config.
        size: Side of a square that images are resized to instead, by the pipeline's filter where
            it has one rule, otherwise by Pillow's bicubic one.

    Raises:
        ValueError: If the config has no test pipeline, or one that does not resize every image
            whole to one size, and ``size`` is not given.
    """
    rules = [_rule_of(step) for step in _steps(cfg)]
    found = [rule for rule in rules if isinstance(rule, ResizeRule)]
    strange = [rule for rule in rules if isinstance(rule, str)]
    plain = len(found) == 1 and not strange
    if size is not None:
        square = (size, size)
        return ResizeRule(square, found[0].interpolation, found[0].antialias) if plain else (
            ResizeRule(square)
        )  # fmt: skip
    if not plain:
        what = f"has {', '.join(strange)}" if strange else f"resizes {len(found)} times"
        raise ValueError(
            f"the test pipeline {what}, where one rule 'resize to height and width' is wanted; "
            "give size (--size) to resize to that square instead"
        )
    return found[0]


def check_whole(cfg: Config) -> None:
    """Refuses a test pipeline after which an image's pixels cannot be told apart by their place.

    Raises:
        ValueError: If a step neither loads, packs nor resizes the whole image to a fixed size.
    """
    strange = [rule for step in _steps(cfg) if isinstance(rule := _rule_of(step), str)]
    if strange:
        raise ValueError(
            f"the test pipeline has {', '.join(strange)}, after which a map's positions are not "
            "those of the whole image; use a pipeline of LoadImageFromFile, Resize and PackInputs"
        )


def _steps(cfg: Config) -> Iterator[Any]:
    loader = cfg.get("test_dataloader")
    steps = None if loader is None else next(datasets_of(loader.dataset)).get("pipeline")
    if steps is None:
        raise ValueError("the config has no test_dataloader.dataset.pipeline; give it one")
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope", "mmpretrain")):
        yield from (TRANSFORMS.build(step) for step in steps)


def _rule_of(step: Any) -> ResizeRule | str | None:
    """Returns a step's rule; None where it leaves the shape alone; a name where there is none."""
    if isinstance(step, TorchResize):
        return ResizeRule(step.scale[::-1], step.interpolation)
    if isinstance(step, mmcv.transforms.LoadImageFromFile | PackInputs):
        return None
    whole = isinstance(step, mmcv.transforms.Resize) and step.scale and not step.keep_ratio
    if whole and step.interpolation in INTERPOLATIONS:
        width, height = step.scale
        return ResizeRule((height, width), step.interpolation, step.backend == "pillow")
    return type(step).__name__
