"""The spatial attention of single images, for figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmengine.config import Config
from torch import Tensor, nn

from mmsrdl.apis.class_maps import map_methods
from mmsrdl.apis.inferencer import MultiLabelInferencer

__all__ = ["ImageAttention", "attend_images"]


@dataclass
class ImageAttention:
    """Scores and spatial attention of one image.

    Attributes:
        path: The image.
        scores: Probabilities, [C].
        spatial: SA in [0, 1], [C, H, W]; see :func:`class_maps`.
    """

    path: str
    scores: Tensor
    spatial: Tensor


def attend_images(
    model: nn.Module, cfg: Config, paths: Sequence[str], device: str = "cpu"
) -> list[ImageAttention]:
    """Computes the scores and the spatial attention of images.

    Args:
        model: Model whose head is a :class:`CARHead` with spatial attention.
        cfg: Its config, whose test pipeline prepares the images.
        paths: Image files.
        device: Where the model goes.

    Returns:
        One entry an image.

    Raises:
        TypeError: If the head has no spatial attention.
        FileNotFoundError: If an image is missing.
        RuntimeError: If an image does not decode.
    """
    if "attention" not in map_methods(model):
        raise TypeError(
            f"the head {type(model.head).__name__} has no spatial attention of classes; use a "
            "config with an mmsrdl.CARHead (use_spatial=True)"
        )
    results = MultiLabelInferencer(model, device=device, config=cfg)(paths, maps="attention")
    return [ImageAttention(each.path, each.scores, each.maps) for each in results]
