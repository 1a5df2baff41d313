"""Classes of which too little is known for a figure to mean something."""

from torch import Tensor


def negatives_hidden(targets: Tensor) -> Tensor:
    """Return the classes whose negatives, if there are any, are all unknown.

    Whatever their scores, their AP and precision are 1 and they are best always predicted.

    Args:
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown).

    Returns:
        [C], bool: those with a known positive and unknown entries, but without a known negative.
    """
    return (targets == 1).any(0) & (targets == -1).any(0) & ~(targets == 0).any(0)


def no_known_negative(targets: Tensor) -> bool:
    """Return whether all negatives of all classes are unknown, if there are any.

    Args:
        targets: See :func:`negatives_hidden`.
    """
    return bool((targets == -1).any()) and not bool((targets == 0).any())
