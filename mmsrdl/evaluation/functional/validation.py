"""Checks that every multi-label figure makes of its input."""

from torch import Tensor

from mmsrdl.evaluation.functional.arrays import to_array


def check_scores_and_targets(scores: Tensor, targets: Tensor) -> None:
    """Refuse scores and targets of which no figure can be computed.

    Args:
        scores: [N, C], any real number; one row an image, one column a class.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown, difficult).

    Raises:
        TypeError: An argument is not a tensor.
        ValueError: The shapes differ or are not [N, C], ``scores`` holds NaN, or ``targets``
            holds another value.
    """
    for name, value in (("scores", scores), ("targets", targets)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
    if scores.ndim != 2 or scores.shape != targets.shape:
        raise ValueError(
            "scores and targets must both have the shape [N, C], got "
            f"{list(scores.shape)} and {list(targets.shape)}"
        )
    # NaN passes through min and max, which are one quick pass.
    if scores.numel() and scores.aminmax().min.isnan():
        row, column = scores.isnan().nonzero()[0].tolist()
        raise ValueError(
            f"scores holds NaN, first for image {row} and class {column}: the model has diverged "
            "or the checkpoint is damaged; look at the training loss and the learning rate"
        )
    check_targets(targets)


def check_targets(targets: Tensor) -> None:
    """Refuse targets that hold another value than 1, 0 and -1.

    Raises:
        ValueError: They do.
    """
    if not targets.numel():
        return
    low, high = targets.aminmax()
    if not targets.is_floating_point() and low >= -1 and high <= 1:
        return
    values = to_array(targets)
    bad = (values != 1) & (values != 0) & (values != -1)
    if bad.any():
        raise ValueError(
            "targets (gt_score) must be 1 (positive), 0 (negative) or -1 (unknown), got "
            f"{values[bad][0]:g}; convert other codings on reading"
        )


def check_probabilities(scores: Tensor) -> None:
    """Refuse scores outside [0, 1], for which a threshold on probabilities means nothing.

    Args:
        scores: [N, C]. An excess of 1e-4, which the mean of several scores can round to, passes.

    Raises:
        ValueError: A score lies outside [0, 1].
    """
    if not scores.numel():
        return
    low, high = (bound.item() for bound in scores.aminmax())
    if low < -1e-4 or high > 1 + 1e-4:
        raise ValueError(
            f"scores must be probabilities in [0, 1], got the range [{low:g}, {high:g}]; apply "
            "a sigmoid to logits first"
        )
