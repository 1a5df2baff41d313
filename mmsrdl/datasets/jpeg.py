"""Whether a JPEG ends where it should, without decoding it."""

import struct

__all__ = ["jpeg_is_cut"]

START, END = b"\xff\xd8", b"\xff\xd9"
START_OF_SCAN = 0xDA
WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
"""Markers that no segment follows: TEM, RST0 to RST7 and SOI."""


def jpeg_is_cut(content: bytes) -> bool:
    """Returns whether a JPEG lacks its end, so that a decoder would make up the rest.

    libjpeg fills what is missing with grey and calls it a warning, which OpenCV up to 4.11 does not
    hand on. The segments before the first scan are stepped over, as a thumbnail in them has an end
    of its own; behind it the marker EOI (ITU-T T.81, Annex B) occurs at the end of the image alone:
    in compressed data a byte FF is followed by 00 or a restart marker. What follows the end, such
    as zeros or the further images of a multi-picture file, is not looked at; nor is damage within
    compressed data.

    Args:
        content: The file's bytes.

    Returns:
        True if the header or the marker EOI is cut off; False for a whole JPEG, for other formats,
        and for headers that are no JPEG's, which a decoder refuses itself.
    """
    if not content.startswith(START):
        return False
    place = len(START)
    while place + 4 <= len(content):
        if content[place] != 0xFF:
            return False
        marker = content[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
        elif marker in WITHOUT_LENGTH:
            place += 2
        else:
            (length,) = struct.unpack_from(">H", content, place + 2)
            place += 2 + length
            if marker == START_OF_SCAN:
                # From the back, where it is in a sound file.
                return content.rfind(END, place) < 0
    return True
