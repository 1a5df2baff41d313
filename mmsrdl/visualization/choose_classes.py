"""Which classes of an image are shown."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmsrdl.arguments import check_integer
from mmsrdl.visualization.canvas import as_array
from mmsrdl.visualization.verdict import decide

__all__ = ["choose_classes"]


def choose_classes(
    scores: Any,
    classes: Sequence[str],
    topk: int | None = 3,
    thr: Any = 0.5,
    chosen: Sequence[str] | None = None,
) -> list[int]:
    """Chooses classes by name, by rank or by threshold.

    Args:
        scores: Probabilities, [C].
        classes: C names.
        topk: How many of the highest scores; None takes all at or above ``thr``.
        thr: One threshold, or one a class, [C].
        chosen: Names, which win over the other two.

    Returns:
        Indices: of ``chosen`` in their order, otherwise from the highest score down.

    Raises:
        TypeError: If ``topk`` is no integer.
        ValueError: If ``topk`` < 1, or a name is unknown.
    """
    if chosen is not None:
        unknown = [name for name in chosen if name not in classes]
        if unknown:
            raise ValueError(
                f"chosen holds {', '.join(map(repr, unknown))}, unknown to the model; its classes "
                f"are {', '.join(classes)}"
            )
        return [classes.index(name) for name in dict.fromkeys(chosen)]
    scores = as_array(scores)
    order = np.argsort(-scores, kind="stable")
    if topk is None:
        order = order[decide(scores, thr)[order]]
    else:
        check_integer("topk", topk, 1, 3)
        order = order[:topk]
    return order.tolist()
