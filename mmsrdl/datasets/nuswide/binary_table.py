"""Large text files of zeros and ones."""

import os

import numpy as np

__all__ = ["read_binary_table"]

BLOCK = 2**22
"""Bytes that are read at a time; bounds the working memory at some 30 MiB beside the table."""

BLANKS = np.isin(np.arange(256), list(b" \t\r\n"))
VALUES = np.isin(np.arange(256), list(b"01"))


def read_binary_table(path: str | os.PathLike[str], columns: int) -> np.ndarray:
    """Reads rows of 0 and 1 with blanks or tabs between them.

    Some ten seconds for the 270 million entries of NUS-WIDE's tags, where ``numpy.loadtxt`` takes
    minutes. Blanks at the ends of lines, and blank lines, are passed over.

    Args:
        path: The file.
        columns: Values that a line must hold.

    Returns:
        uint8 [rows, columns] of 0 and 1.

    Raises:
        ValueError: If a line holds something else, or another number of values.
    """
    blocks, line = [np.empty((0, columns), dtype=np.uint8)], 1
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            codes = np.frombuffer(block + file.readline().rstrip(b"\n") + b"\n", dtype=np.uint8)
            blocks.append(_parse(codes, columns, path, line))
            line += int((codes == ord("\n")).sum())
    return np.concatenate(blocks)


def _parse(
    codes: np.ndarray, columns: int, path: str | os.PathLike[str], first_line: int
) -> np.ndarray:
    """Returns the values of whole lines of text.

    Args:
        codes: uint8 [n], of which the last is a line feed.
        columns: Values that a line must hold.
        path: The file, for the messages.
        first_line: Number of the first line, likewise.
    """
    is_value = VALUES[codes]
    odd = ~(is_value | BLANKS[codes])
    odd[1:] |= is_value[1:] & is_value[:-1]
    ends = np.flatnonzero(codes == ord("\n"))
    if odd.any():
        line = np.searchsorted(ends, odd.argmax())
        start = ends[line - 1] + 1 if line else 0
        text = codes[start : ends[line]].tobytes()[:40]
        raise ValueError(
            f"'{path}', line {first_line + line}: values must be 0 or 1 with blanks between them, "
            f"got {text!r}; fetch the file again"
        )
    counts = np.diff(is_value.cumsum(dtype=np.int32)[ends], prepend=0)
    wrong = np.flatnonzero((counts != columns) & (counts != 0))
    if len(wrong):
        raise ValueError(
            f"'{path}', line {first_line + wrong[0]}: {counts[wrong[0]]} values, and {columns} are "
            "wanted, one a column; fetch the file again"
        )
    return (codes[is_value] - ord("0")).reshape(-1, columns)
