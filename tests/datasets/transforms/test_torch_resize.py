import cv2
import numpy as np
import pytest
from mmcv.transforms import Resize
from PIL import Image

from mmsrdl.datasets import TorchResize
from mmsrdl.registry import TRANSFORMS


def photograph(height: int, width: int) -> np.ndarray:
    """Edges, gradients and noise."""
    rng = np.random.default_rng(0)
    img = rng.integers(0, 256, (height // 12 + 1, width // 12 + 1, 3), dtype=np.uint8)
    img = cv2.resize(img, (width, height), interpolation=cv2.INTER_NEAREST)
    return (img * 0.8 + rng.integers(0, 50, img.shape)).astype(np.uint8)


def apply(transform, img: np.ndarray) -> dict:
    return transform({"img": img, "img_shape": img.shape[:2]})


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("shape", [(375, 500), (500, 333), (120, 90), (448, 448)])
def test_is_pillows_filter(shape: tuple[int, int], interpolation: str) -> None:
    img, (width, height) = photograph(*shape), (448, 320)
    filter_ = Image.Resampling[interpolation.upper()]
    # Rows first: newer versions of Pillow choose the order of the two directions by the shape.
    rows = Image.fromarray(img).resize((width, shape[0]), filter_)
    pillow = np.asarray(rows.resize((width, height), filter_)).astype(int)
    resized = apply(TorchResize((width, height), interpolation), img)["img"]
    assert np.abs(resized - pillow).max() <= 3
    assert (resized != pillow).mean() < 0.03
    opencv = apply(Resize((width, height), interpolation=interpolation), img)["img"]
    assert (opencv != pillow).mean() > 0.2


@pytest.mark.parametrize("shape", [(375, 500), (500, 333)])
def test_takes_the_place_of_resize(shape: tuple[int, int]) -> None:
    img, scale = photograph(*shape), (448, 320)
    ours = apply(TorchResize(scale), img)
    theirs = apply(Resize(scale, interpolation="bicubic", backend="pillow"), img)
    assert ours.keys() == theirs.keys()
    for key in ours.keys() - {"img"}:
        assert ours[key] == theirs[key]
    assert ours["img"].transpose(2, 0, 1).flags.c_contiguous
    assert np.abs(ours["img"].astype(int) - theirs["img"]).mean() < 0.5


def test_views_and_grey_images() -> None:
    img, resize = photograph(120, 100), TorchResize((64, 48))
    whole = apply(resize, np.ascontiguousarray(img[10:90, 5:77]))["img"]
    np.testing.assert_array_equal(apply(resize, img[10:90, 5:77])["img"], whole)
    mirrored = apply(resize, img[:, ::-1])["img"]
    assert np.abs(mirrored[:, ::-1].astype(int) - apply(resize, img)["img"]).max() <= 1
    grey = apply(resize, img[..., 0])["img"]
    assert grey.shape == (48, 64)
    np.testing.assert_array_equal(grey, apply(resize, img)["img"][..., 0])


def test_is_registered() -> None:
    resize = TRANSFORMS.build(dict(type="mmsrdl.TorchResize", scale=(4, 3)))
    assert repr(resize) == "TorchResize(scale=(4, 3), interpolation='bicubic')"


@pytest.mark.parametrize("scale", [448, (448,), (1, 2, 3)])
def test_scale_must_be_a_pair(scale) -> None:
    with pytest.raises(ValueError, match=r"scale=.* must be a pair \(width, height\)"):
        TorchResize(scale)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="scale=0 must be at least 1"):
        TorchResize((448, 0))
    with pytest.raises(TypeError, match=r"scale=4\.5 must be an integer"):
        TorchResize((4.5, 4))
    with pytest.raises(ValueError, match="interpolation='lanczos' must be one of"):
        TorchResize((4, 4), "lanczos")
    with pytest.raises(TypeError, match="img must be uint8, got float32"):
        apply(TorchResize((4, 4)), np.zeros((8, 8, 3), np.float32))


def test_boxes_are_resized_with_the_image() -> None:
    """As MMCV's Resize does."""
    boxes = np.array([[10, 5, 40, 20], [0, 0, 60, 30]], dtype=np.float32)
    img = np.zeros((30, 60, 3), dtype=np.uint8)
    ours, theirs = (
        resize.transform({"img": img, "gt_bboxes": boxes.copy()})["gt_bboxes"]
        for resize in (TorchResize((90, 20)), Resize((90, 20)))
    )
    np.testing.assert_allclose(ours, [[15, 10 / 3, 60, 40 / 3], [0, 0, 90, 20]], rtol=1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert ours.dtype == np.float32
