"""Annotations that hold everything that the formats can."""

import pytest

from mmsrdl.datasets.formats import Annotations, Box, ImageRecord


@pytest.fixture
def everything() -> Annotations:
    """Labels with and without boxes, crowds, unknown labels, sizes, an empty image, Unicode."""
    boxes = (
        Box("big cat", (1.0, 2.0, 30.5, 4.0)),
        Box("big cat", (0.0, 0.0, 8.0, 8.0), difficult=True),
        Box("dog", (3.0, 3.0, 5.0, 5.0), difficult=True),
    )
    records = [
        ImageRecord("a.jpg", ("big cat", "épée"), ("dog",), boxes, (48, 40)),
        ImageRecord("sub/b.jpg", (), (), (), (40, 48)),
        ImageRecord("c.jpg", ("dog",), ("épée", "big cat"), (), (10, 20)),
    ]
    return Annotations(records, ("zebra", "épée", "dog", "big cat"), source="all.csv")
