"""What parts of a head expect of class features."""

from torch import Tensor, nn

__all__ = ["check_class_features"]


def check_class_features(
    part: nn.Module, feature: Tensor, num_classes: int, shared: bool = False
) -> None:
    """Refuses features that are not those of all classes, such as one that all share.

    Args:
        part: Who needs them, for the message.
        feature: [B, C, E].
        num_classes: C.
        shared: Whether one feature that all classes share, [B, 1, E], will do, too.

    Raises:
        ValueError: If there are more or fewer.
    """
    count = feature.shape[1]
    if count == num_classes or (shared and count == 1):
        return
    found = "one that all share" if count == 1 else f"{count}"
    raise ValueError(
        f"{type(part).__name__} takes a feature of each of {num_classes} classes, got {found}, "
        f"{list(feature.shape)}; use an attention that gives each class its own, such as "
        "CARAttention"
    )
