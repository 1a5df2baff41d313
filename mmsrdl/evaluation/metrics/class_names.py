"""Names of the classes that a model scores."""

from collections.abc import Mapping
from typing import Any

__all__ = ["class_names"]


def class_names(dataset_meta: Mapping[str, Any] | None, num_classes: int) -> list[str]:
    """Return the names of the data set's classes, or their numbers where it names none.

    Args:
        dataset_meta: The data set's ``metainfo``.
        num_classes: How many classes are scored.

    Raises:
        ValueError: If the data set has another number of them.
    """
    classes = (dataset_meta or {}).get("classes")
    if classes is None:
        return [str(c) for c in range(num_classes)]
    if len(classes) != num_classes:
        raise ValueError(
            f"the model scores {num_classes} classes, but the data set has {len(classes)}; "
            f"set num_classes={len(classes)} in the head, and give its embedder the data "
            "set's classes"
        )
    return [str(name) for name in classes]
