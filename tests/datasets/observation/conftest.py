"""Two images of three classes, whose draws were computed by hand."""

from pathlib import Path
from typing import Any

import pytest

IMAGES = ("2008_000008.jpg", "2008_000015.jpg")
CLASSES = ("bird", "cat", "dog")
LABELS = [[1, 1, -1], [0, 1, 1]]


@pytest.fixture
def two_images(tmp_path: Path) -> dict[str, Any]:
    """The config of a data set of them."""
    rows = ["path,labels,unknown", f"{IMAGES[0]},bird;cat,dog", f"{IMAGES[1]},cat;dog,"]
    (tmp_path / "two.csv").write_text("\n".join(rows))
    return dict(
        type="mmsrdl.MultiLabelDataset",
        ann_file="two.csv",
        data_root=str(tmp_path),
        data_prefix="photos",
        metainfo=dict(classes=CLASSES),
        pipeline=[],
        serialize_data=False,  # MMEngine collects garbage where it serializes, a third of a second
    )
