import numpy as np
import pytest
import torch
from PIL import Image

from mmsrdl.visualization.overlay import enlarge_map, overlay_map


@pytest.mark.parametrize(
    ("stretch", "values"), [(True, [0, 1]), (False, [0.2, 0.6])], ids=["stretched", "as it is"]
)
def test_enlarged(stretch: bool, values: list[float]) -> None:
    large = enlarge_map(np.array([[0.2, 0.6]]), (40, 10), stretch)
    assert large.shape == (10, 40)
    np.testing.assert_allclose(large[:, [0, -1]], [values] * 10, atol=0.05)


def test_flat_map_is_nothing() -> None:
    assert not enlarge_map(np.full((2, 2), 0.7), (4, 4)).any()
    np.testing.assert_allclose(enlarge_map(np.full((2, 2), 0.7), (4, 4), stretch=False), 0.7)


def test_high_is_lighter_than_low() -> None:
    image = Image.new("RGB", (40, 20), (128, 128, 128))
    laid = overlay_map(image, torch.tensor([[0.0, 5.0]]).half())
    light = np.asarray(laid.convert("L")).astype(int)
    assert laid.size == image.size
    assert light[:, -1].min() > 150 > 60 > light[:, 0].max()
    assert overlay_map(image, torch.zeros(2, 2), opacity=0).getpixel((0, 0)) == (128, 128, 128)
