"""How metrics tell of images that could not be loaded."""

import logging

from mmengine.logging import print_log


def bad_image_figures(number: int, prefix: str) -> dict[str, float]:
    """Logs and returns how many images are in no figure.

    Args:
        number: Of images that could not be loaded.
        prefix: Of the metric's keys.

    Returns:
        ``{"bad_images": number}``; nothing if it is 0.
    """
    if not number:
        return {}
    print_log(
        f"{prefix}: {number} further images could not be loaded, and are in no figure "
        "(on_bad_image='skip')",
        logger="current",
        level=logging.WARNING,
    )
    return {"bad_images": float(number)}
