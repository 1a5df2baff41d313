"""A part of a training set, for training or for selection."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.datasets.observation.stored_labels import image_names, stored_labels
from mmsrdl.datasets.observation.wrapper import InPlaceWrapper
from mmsrdl.datasets.stratified_split import stratified_split
from mmsrdl.registry import DATASETS

__all__ = ["HeldOutSplit", "random_split"]

PARTS = ("fit", "held_out")
METHODS = ("random", "stratified")


def random_split(number: int, held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divides images at random, as the single-positive literature does.

    Cole et al., CVPR 2021, and those after them hold out 20 % of the training images with the seed
    1200: ``generate_split`` of their public code, whose indices these are. NumPy's ``RandomState``
    draws the same numbers in every version (NEP 19).

    Args:
        number: Images in all.
        held_out: Share of the second part, in [0, 1]; its size is rounded, halves to even.
        seed: Seed.

    Returns:
        Sorted indices of the first part, and of the second.
    """
    size = round(held_out * number)
    order = np.random.RandomState(seed).permutation(number)
    return np.sort(order[: number - size]), np.sort(order[number - size :])


def _id_as_text(name: str) -> str:
    digits = re.findall(r"\d+", name)
    if not digits:
        raise ValueError(
            f"order='image_id' takes the last number in an image's name for its id, and '{name}' "
            "has none; use order='name'"
        )
    return str(int(digits[-1]))


ORDERS: dict[str, Callable[[str], str] | None] = {
    "listed": None,
    "name": str,
    "image_id": _id_as_text,
}


@DATASETS.register_module()
class HeldOutSplit(InPlaceWrapper):
    """Keeps a part of a data set's images, in place: those to train on, or those held out.

    Hyper-parameters and checkpoints are selected on the second part, so that the test images are
    looked at once. Around an :class:`ObservedDataset` or inside it, the labels that are known are
    the same, as long as ``method='random'``: what is drawn does not depend on other images.

    Args:
        dataset: Config of a data set of MMEngine's kind, or the data set, which is changed; an
            :class:`ObservedDataset` may be between.
        part: ``'fit'`` or ``'held_out'``.
        held_out: Share of the images that are held out, in (0, 1).
        seed: Seed of the split.
        method: ``'random'``, that of the single-positive literature (:func:`random_split`), or
            ``'stratified'``, in which every class has about the same share of its positives in both
            parts (:func:`stratified_split`); it goes by the labels of ``dataset``.
        order: Order of the images that are divided: ``'listed'``, that of the data set;
            ``'name'``, sorted by name; or ``'image_id'``, sorted by the last number in the name as
            text, so that 100 is before 20: that of the literature's lists of COCO.
        lazy_init: Whether annotations are loaded, and images left out, when first used.

    Raises:
        TypeError: If the data set is of another kind, or a number is none.
        ValueError: If an option is unknown or out of range, or a part would have no image.
    """

    def __init__(
        self,
        dataset: Any,
        part: str,
        held_out: float = 0.2,
        seed: int = 1200,
        method: str = "random",
        order: str = "listed",
        lazy_init: bool = False,
    ) -> None:
        for name, value, choices in (
            ("part", part, PARTS),
            ("method", method, METHODS),
            ("order", order, tuple(ORDERS)),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {value!r}")
        check_number("held_out", held_out, low=0, high=1, example=0.2)
        check_integer("seed", seed, low=0, example=1200)
        self.part, self.held_out, self.seed = part, held_out, seed
        self.method, self.order = method, order
        super().__init__(dataset, lazy_init)

    def _change(self) -> None:
        order = self._ordered()
        if not 0 < round(self.held_out * len(order)) < len(order):
            raise ValueError(
                f"held_out={self.held_out} of {len(order)} images leaves a part without any; give "
                "another share, such as 0.2"
            )
        chosen = self._parts(order)[PARTS.index(self.part)]
        self.dataset.get_subset_(np.sort(order[chosen]).tolist())

    def _ordered(self) -> np.ndarray:
        """Returns the indices of the images in the order in which they are divided."""
        names, key = image_names(self.base), ORDERS[self.order]
        indices = range(len(names))
        return np.array(sorted(indices, key=lambda i: key(names[i])) if key else indices)

    def _parts(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.method == "random":
            return random_split(len(order), self.held_out, self.seed)
        labels = stored_labels(self.base)[order]
        parts = stratified_split(labels, [1 - self.held_out, self.held_out], seed=self.seed)
        return np.flatnonzero(parts == 0), np.flatnonzero(parts == 1)
