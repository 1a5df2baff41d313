"""Class lists by name."""

from collections.abc import Sequence

from mmsrdl.datasets.categories import COCO_CATEGORIES, VOC_CATEGORIES

CLASS_LISTS = {"coco": COCO_CATEGORIES, "voc": VOC_CATEGORIES}


def resolve_classes(classes: Sequence[str] | str) -> tuple[str, ...]:
    """Returns class names in order.

    Args:
        classes: Names, or ``'coco'`` (80, in category-id order) or ``'voc'`` (20).

    Raises:
        ValueError: If the list is unknown, empty, or has a name twice.
        TypeError: If an entry is not a string.
    """
    if isinstance(classes, str):
        if classes not in CLASS_LISTS:
            raise ValueError(
                f"classes={classes!r} is no known list; give the names, or one of "
                f"{', '.join(map(repr, CLASS_LISTS))}"
            )
        return tuple(CLASS_LISTS[classes])
    names = tuple(classes)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"classes={names!r} must be class names (strings)")
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise ValueError(
            "classes must hold at least one name and none twice"
            + (f"; twice: {', '.join(map(repr, twice))}" if twice else "")
        )
    return names
