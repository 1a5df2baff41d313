"""Bad and odd image files, each with what becomes of it; none of them is kept in the repository.

``python -m tests.dirty images`` takes them everywhere, and prints what became of each, and counts.
"""

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

Maker = Callable[[Path], None]

WIDTH, HEIGHT = 100, 80


@dataclass(frozen=True)
class DirtyImage:
    """A file and what becomes of it.

    Attributes:
        name: Of the file.
        what: What it is, in words.
        make: Writes it.
        refused: What the data set's and the inferencer's error says (a regular expression); empty
            if the image is loaded.
        size: Width and height as loaded.
        check: Kind of the error that ``mmsrdl data check`` finds; empty for none.
        page: Whether the page takes it; None where there is nothing that a browser could send.
        format: Of moving images that not every build of OpenCV reads; empty for the others.
    """

    name: str
    what: str
    make: Maker
    refused: str = ""
    size: tuple[int, int] = (WIDTH, HEIGHT)
    check: str = ""
    page: bool | None = True
    format: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the OpenCV that is installed reads such files."""
        return not self.format or reads(self.format)


@cache
def reads(format: str) -> bool:
    """Says whether this build of OpenCV reads two frames in a format of Pillow's."""
    pixels = np.frombuffer(two_frames(format), np.uint8)
    return cv2.imdecode(pixels, cv2.IMREAD_COLOR) is not None


def photo() -> Image.Image:
    """Smooth noise, whose upper left corner is red, so that a turned image is told."""
    coarse = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, (WIDTH, HEIGHT))
    pixels[:20, :25] = (220, 20, 20)
    return Image.fromarray(pixels)


def encoded(mode: str = "RGB", format: str = "JPEG", **options: object) -> bytes:
    """Returns the photo in a mode and format of Pillow's."""
    file = io.BytesIO()
    photo().convert(mode).save(file, format, **options)
    return file.getvalue()


def of(content: Callable[[], bytes]) -> Maker:
    """Makes a file of bytes that are made when it is written."""
    return lambda path: path.write_bytes(content()) and None


def by_pillow(mode: str = "RGB", format: str = "JPEG", **options: object) -> Maker:
    """Writes :func:`encoded`."""
    return of(lambda: encoded(mode, format, **options))


def by_opencv(ending: str, pixels: Callable[[], np.ndarray], *options: int) -> Maker:
    """Writes pixels in the order BGR."""
    return of(lambda: cv2.imencode(ending, pixels(), list(options))[1].tobytes())


def exif_of(orientation: int = 1, thumbnail: bytes = b"") -> bytes:
    """Returns an EXIF segment; Pillow writes no thumbnail."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    head = b"Exif\0\0MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 1) + entry
    if not thumbnail:
        return head + struct.pack(">I", 0)
    place = 8 + 2 + 12 + 4
    start = place + 2 + 2 * 12 + 4
    entries = struct.pack(">HHII", 0x0201, 4, 1, start)
    entries += struct.pack(">HHII", 0x0202, 4, 1, len(thumbnail))
    return head + struct.pack(">IH", place, 2) + entries + struct.pack(">I", 0) + thumbnail


def with_thumbnail() -> bytes:
    """Returns a JPEG that holds a small JPEG, with an end marker of its own."""
    small = io.BytesIO()
    photo().resize((20, 16)).save(small, "JPEG")
    return encoded(exif=exif_of(thumbnail=small.getvalue()))


def cut_after_thumbnail() -> bytes:
    """Returns a JPEG that ends with an end marker: its thumbnail's."""
    content = with_thumbnail()
    return content[: content.index(b"\xff\xd9") + 2]


def zero_tail() -> bytes:
    """Returns a JPEG as a download leaves it that reserved its space and then stopped."""
    content = encoded()
    half = len(content) // 2
    return content[:half] + bytes(len(content) - half)


def damaged_inside() -> bytes:
    """Returns a whole JPEG with 100 wrong bytes in its compressed data."""
    content = encoded(quality=95)
    half = len(content) // 2
    return content[:half] + bytes(100) + content[half + 100 :]


def damaged_png() -> bytes:
    """Returns a PNG with a wrong byte, which its checksum tells."""
    content = bytearray(encoded(format="PNG"))
    content[len(content) // 2] ^= 255
    return bytes(content)


def forged_png() -> bytes:
    """Returns a PNG of a few bytes that says it has 10 billion pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def two_frames(format: str) -> bytes:
    """Returns the photo and a white frame."""
    white = Image.new("RGB", (WIDTH, HEIGHT), "white")
    return encoded(format=format, save_all=True, append_images=[white])


def animated(format: str) -> Maker:
    """Writes :func:`two_frames`."""
    return of(lambda: two_frames(format))


def sixteen_bits(channels: int) -> Callable[[], np.ndarray]:
    """Returns the photo in 16 bits, in BGR or grey."""

    def pixels() -> np.ndarray:
        bgr = np.asarray(photo())[..., ::-1].astype(np.uint16) * 257
        return bgr if channels == 3 else bgr[..., 1]

    return pixels


def make_unreadable(path: Path) -> None:
    """Writes a file that nobody may read, but root."""
    path.write_bytes(encoded())
    path.chmod(0)


def shape(width: int, height: int) -> Callable[[], np.ndarray]:
    """Returns grey pixels."""
    return lambda: np.full((height, width, 3), 127, dtype=np.uint8)


CUT, NONE, GONE, NO_FILE = (
    "the JPEG is cut short",
    "cannot decode|OpenCV",
    "No such file",
    "is a folder, pipe or device",
)
TRUNCATED, BROKEN, NO_IMAGE, MISSING, UNREADABLE = (
    "truncated-image",
    "broken-image",
    "not-an-image",
    "missing-file",
    "unreadable-in-training",
)

IMAGES = (
    DirtyImage("plain.jpg", "a JPEG", by_pillow()),
    DirtyImage("progressive.jpg", "a progressive JPEG", by_pillow(progressive=True)),
    DirtyImage(
        "restarts.jpg", "a JPEG with restart markers",
        by_opencv(".jpg", lambda: np.asarray(photo())[..., ::-1], cv2.IMWRITE_JPEG_RST_INTERVAL, 4),
    ),
    DirtyImage("grey.jpg", "a grey JPEG", by_pillow("L")),
    DirtyImage("cmyk.jpg", "a CMYK JPEG", by_pillow("CMYK")),
    DirtyImage("thumbnail.jpg", "a JPEG with a thumbnail", of(with_thumbnail)),
    DirtyImage("trailer.jpg", "text behind the JPEG's end", of(lambda: encoded() + b"text" * 9)),
    DirtyImage("padded.jpg", "zeros behind the JPEG's end", of(lambda: encoded() + bytes(999))),
    DirtyImage("several.jpg", "a multi-picture JPEG (MPO)", animated("MPO")),
    DirtyImage(
        "turned.jpg", "EXIF: turned by a quarter", by_pillow(exif=exif_of(6)), size=(HEIGHT, WIDTH)
    ),
    DirtyImage("odd_exif.jpg", "EXIF that is none", by_pillow(exif=b"Exif\0\0MM\0*" + b"\xff" * 9)),
    DirtyImage("png.jpg", "a PNG named .jpg", by_pillow(format="PNG")),
    DirtyImage("jpeg.png", "a JPEG named .png", by_pillow()),
    DirtyImage("grey 图像 é.jpg", "a name with blanks and other alphabets", by_pillow()),
    DirtyImage("rgb16.png", "16 bits, colour", by_opencv(".png", sixteen_bits(3))),
    DirtyImage("grey16.png", "16 bits, grey", by_opencv(".png", sixteen_bits(1))),
    DirtyImage("alpha.png", "with alpha", by_pillow("RGBA", "PNG")),
    DirtyImage("grey_alpha.png", "grey with alpha", by_pillow("LA", "PNG")),
    DirtyImage("palette.png", "with a palette", by_pillow("P", "PNG")),
    DirtyImage("palette_alpha.png", "a palette with alpha", by_pillow("P", "PNG", transparency=0)),
    DirtyImage("bilevel.png", "1 bit", by_pillow("1", "PNG")),
    DirtyImage("animated.png", "an animated PNG", animated("PNG")),
    DirtyImage("animated.gif", "an animated GIF", animated("GIF"), page=False, format="GIF"),
    DirtyImage("animated.webp", "an animated WebP", animated("WEBP"), format="WEBP"),
    DirtyImage("plain.bmp", "a BMP", by_pillow(format="BMP")),
    DirtyImage("plain.tif", "a TIFF", by_pillow(format="TIFF"), page=False),
    DirtyImage("one.png", "1 pixel", by_opencv(".png", shape(1, 1)), size=(1, 1)),
    DirtyImage("row.png", "20,000 x 1 pixels", by_opencv(".png", shape(20000, 1)), size=(20000, 1)),
    DirtyImage(
        "wide.jpg", "20,000 x 500 pixels", by_opencv(".jpg", shape(20000, 500)), size=(20000, 500)
    ),
    DirtyImage("inside.jpg", "a JPEG with wrong bytes within", of(damaged_inside)),
    DirtyImage(
        "cut.jpg", "a JPEG, half of it", of(lambda: encoded()[: len(encoded()) // 2]),
        CUT, check=TRUNCATED, page=False,
    ),
    DirtyImage(
        "cut_end.jpg", "a JPEG without its last byte", of(lambda: encoded()[:-1]),
        CUT, check=TRUNCATED, page=False,
    ),
    DirtyImage(
        "cut_progressive.jpg", "a progressive JPEG, nine tenths of it",
        of(lambda: encoded(progressive=True)[: len(encoded(progressive=True)) * 9 // 10]),
        CUT, check=TRUNCATED, page=False,
    ),
    DirtyImage(
        "cut_header.jpg", "a JPEG, 100 bytes of it", of(lambda: encoded()[:100]),
        CUT, check=TRUNCATED, page=False,
    ),
    DirtyImage(
        "cut_thumbnail.jpg", "a JPEG that ends with its thumbnail", of(cut_after_thumbnail),
        CUT, check=NO_IMAGE, page=False,
    ),
    DirtyImage(
        "zero_tail.jpg", "a JPEG whose second half is zeros", of(zero_tail),
        CUT, check=TRUNCATED, page=False,
    ),
    DirtyImage(
        "cut.png", "a PNG, half of it",
        of(lambda: encoded(format="PNG")[: len(encoded(format="PNG")) // 2]),
        NONE, check=TRUNCATED, page=False,
    ),
    DirtyImage(
        "cut.webp", "a WebP, half of it",
        of(lambda: encoded(format="WEBP")[: len(encoded(format="WEBP")) // 2]),
        NONE, check=BROKEN, page=False,
    ),
    DirtyImage(
        "damaged.png", "a PNG with a wrong byte", of(damaged_png), NONE, check=BROKEN, page=False
    ),
    DirtyImage(
        "forged.png", "a PNG that says 100,000 x 100,000", of(forged_png),
        NONE, check=UNREADABLE, page=False,
    ),
    DirtyImage("empty.jpg", "0 bytes", of(bytes), "0 bytes", check="empty-file", page=False),
    DirtyImage(
        "page.jpg", "an error page", of(lambda: b"<html><body>404 Not Found</body></html>"),
        NONE, check=NO_IMAGE, page=False,
    ),
    DirtyImage(
        "zeros.jpg", "zeros", of(lambda: bytes(4096)), NONE, check=NO_IMAGE, page=False
    ),
    DirtyImage(
        "noise.jpg", "random bytes", of(lambda: np.random.default_rng(0).bytes(4096)),
        NONE, check=NO_IMAGE, page=False,
    ),
    DirtyImage(
        "folder.jpg", "a folder", Path.mkdir, NO_FILE, check=UNREADABLE, page=None
    ),
    DirtyImage(
        "pipe.jpg", "a pipe", lambda path: os.mkfifo(path), NO_FILE, check=UNREADABLE, page=None
    ),
    DirtyImage(
        "link.jpg", "a link to nowhere", lambda path: path.symlink_to("nowhere.jpg"),
        GONE, check=MISSING, page=None,
    ),
    DirtyImage("missing.jpg", "no file", lambda path: None, GONE, check=MISSING, page=None),
    DirtyImage(
        "secret.jpg", "a file that may not be read", make_unreadable,
        "Permission denied", check=UNREADABLE, page=None,
    ),
)  # fmt: skip


def make_images(folder: Path) -> None:
    """Writes all of :data:`IMAGES` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        image.make(folder / image.name)
