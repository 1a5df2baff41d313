"""The paper's Figure 5: an image beside the spatial attention of its best classes."""

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from torch import Tensor


def draw_attention_panel(
    image: str | os.PathLike[str],
    spatial: Tensor,
    scores: Tensor,
    classes: Sequence[str],
    out_file: str | os.PathLike[str],
    topk: int = 3,
) -> None:
    """Draws an image and the spatial maps of its best classes side by side.

    Source: SRDL, Figure 5. Every map is stretched from its own minimum to its
    own maximum, enlarged to the image and laid over it; the titles give class
    and predicted score.

    Args:
        image: Image file.
        spatial: SA, [C, H, W].
        scores: Probabilities, [C].
        classes: C names.
        out_file: PNG to write; its folder is made.
        topk: How many classes are drawn.

    Raises:
        ValueError: If ``topk`` < 1, or the numbers of classes differ.
    """
    if topk < 1:
        raise ValueError(f"topk={topk!r} must be at least 1")
    if not len(spatial) == len(scores) == len(classes):
        raise ValueError(
            f"spatial, scores and classes are of {len(spatial)}, {len(scores)} and "
            f"{len(classes)} classes"
        )
    # As MMCV reads it: turned as the camera was held.
    picture = ImageOps.exif_transpose(Image.open(image)).convert("RGB")
    best = scores.topk(min(topk, len(scores))).indices.tolist()
    ratio = picture.width / picture.height
    figure = Figure(figsize=(3 * ratio * (1 + len(best)), 3.3), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1 + len(best))
    axes[0].imshow(picture)
    axes[0].set_title("input")
    for axis, index in zip(axes[1:], best, strict=True):
        axis.imshow(picture)
        heat = _enlarge(spatial[index].float().numpy(), picture.size)
        axis.imshow(heat, cmap="jet", alpha=0.5, vmin=0, vmax=1)
        axis.set_title(f"{classes[index]}  {scores[index]:.2f}")
    for axis in axes:
        axis.set_axis_off()
    os.makedirs(os.path.dirname(os.path.abspath(out_file)), exist_ok=True)
    figure.savefig(out_file, dpi=100)


def _enlarge(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Stretches a map to [0, 1] and enlarges it to (width, height)."""
    low, high = heat.min(), heat.max()
    heat = (heat - low) / (high - low) if high > low else np.zeros_like(heat)
    return np.asarray(
        Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    )
