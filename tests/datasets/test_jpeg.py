import os
from pathlib import Path

import pytest

from mmsrdl.datasets.jpeg import jpeg_is_cut
from tests.dirty.images import cut_after_thumbnail, damaged_inside, encoded, with_thumbnail


@pytest.mark.parametrize(
    "content",
    [encoded(), encoded(progressive=True), encoded("CMYK"), with_thumbnail()],
    ids=["baseline", "progressive", "CMYK", "thumbnail"],
)
def test_every_beginning_of_a_jpeg_is_cut(content: bytes) -> None:
    assert not jpeg_is_cut(content)
    whole = [size for size in range(2, len(content)) if not jpeg_is_cut(content[:size])]
    assert whole == []


def test_the_thumbnails_end_is_not_the_images() -> None:
    content = cut_after_thumbnail()
    assert content.endswith(b"\xff\xd9")
    assert jpeg_is_cut(content)


@pytest.mark.parametrize("behind", [b"text", bytes(5000), encoded(), b"\xff"])
def test_what_follows_the_end_is_not_looked_at(behind: bytes) -> None:
    assert not jpeg_is_cut(encoded() + behind)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", encoded(format="PNG")[:99], b"\xff\xd8no JPEG", bytes(99), damaged_inside()],
)
def test_what_is_not_for_it_to_tell(content: bytes) -> None:
    assert not jpeg_is_cut(content)


def test_fill_bytes_and_markers_without_a_length() -> None:
    content = encoded()
    for marker in (b"\xff\xff\xff", b"\xff\x01"):
        filled = content[:2] + marker + content[2:]
        assert not jpeg_is_cut(filled)
        assert jpeg_is_cut(filled[:-1])


@pytest.mark.skipif("MMSRDL_DATA" not in os.environ, reason="photographs: MMSRDL_DATA is not set")
def test_photographs() -> None:
    paths = sorted(Path(os.environ["MMSRDL_DATA"]).rglob("*.jpg"))[:300]
    assert paths
    for path in paths:
        content = path.read_bytes()
        assert not jpeg_is_cut(content), path
        for size in (len(content) // 3, len(content) * 2 // 3, len(content) - 1):
            assert jpeg_is_cut(content[:size]), path
