import math

import numpy as np
import pytest

from mmsrdl.datasets.formats import Annotations, ImageRecord
from mmsrdl.datasets.formats.annotations import Box
from mmsrdl.datasets.object_areas import object_areas


def test_the_largest_ordinary_box_of_a_class() -> None:
    boxes = (
        Box("cat", (0, 0, 10, 10)),
        Box("cat", (5, 5, 20, 20)),
        Box("cat", (0, 0, 40, 50), difficult=True),
        Box("dog", (0, 0, 40, 50), difficult=True),
        Box("kite", (0, 0, 5, 5)),
    )
    records = [ImageRecord("1.jpg", ("cat",), boxes=boxes, size=(40, 50))]
    records.append(ImageRecord("2.jpg", (), size=(40, 50)))
    found = object_areas(Annotations(records), ["x/2.jpg", "x/1.jpg"], ["dog", "cat"])
    np.testing.assert_allclose(found, [[math.nan, math.nan], [math.nan, 400 / 2000]])


def test_clear_errors() -> None:
    record = ImageRecord("1.jpg", ("cat",), boxes=(Box("cat", (0, 0, 1, 1)),))
    with pytest.raises(ValueError, match=r"has no width and height of '1\.jpg'"):
        object_areas(Annotations([record]), ["1.jpg"], ["cat"])
    record = ImageRecord("1.jpg", ("cat",), size=(4, 4))
    with pytest.raises(ValueError, match="has no box of any of the 1 classes in 1 images"):
        object_areas(Annotations([record]), ["1.jpg"], ["cat"])
