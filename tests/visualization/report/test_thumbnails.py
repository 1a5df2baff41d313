from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmsrdl.visualization.report.thumbnails import find_image, write_thumbnail


def test_moved_images_are_found_by_the_longest_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("old/val/1.jpg", "new/1.jpg", "new/val/1.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    assert find_image("old/val/1.jpg", None) == Path("old/val/1.jpg")
    assert find_image("old/val/1.jpg", "new") == Path("new/val/1.jpg")
    assert find_image("/else/where/1.jpg", "new") == Path("new/1.jpg")
    assert find_image("../../new/1.jpg", "new") == Path("new/1.jpg")
    assert find_image("old/val/2.jpg", "new") is None
    assert find_image("old/val", None) is None
    assert find_image("", "new") is None


@pytest.mark.parametrize(("size", "small"), [((600, 300), (240, 120)), ((30, 60), (30, 60))])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_thumbnail(
    size: tuple[int, int], small: tuple[int, int], mode: str, tmp_path: Path
) -> None:
    Image.fromarray(np.full((size[1], size[0], 3), 200, np.uint8)).convert(mode).save(
        tmp_path / "a.png"
    )
    assert write_thumbnail(tmp_path / "a.png", tmp_path / "t.jpg") == small
    with Image.open(tmp_path / "t.jpg") as written:
        assert (written.format, written.size) == ("JPEG", small)


def test_what_does_not_decode_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8 broken")
    assert write_thumbnail(tmp_path / "a.jpg", tmp_path / "t.jpg") is None
    assert not (tmp_path / "t.jpg").exists()
