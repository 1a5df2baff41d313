from pathlib import Path

import numpy as np
import pytest

from mmsrdl.datasets.nuswide import binary_table
from mmsrdl.datasets.nuswide.binary_table import read_binary_table


@pytest.mark.parametrize("separator", ["\t", " ", "  "])
@pytest.mark.parametrize("end", ["\n", "\t\n", " \r\n"])
@pytest.mark.parametrize("last", ["", "\n\n"])
@pytest.mark.parametrize("block", [1, 7, 64, 2**22])
def test_rows(
    separator: str, end: str, last: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binary_table, "BLOCK", block)
    rows = np.random.default_rng(0).integers(0, 2, (20, 6))
    text = end.join(separator.join(map(str, row)) for row in rows) + last
    (tmp_path / "a.dat").write_bytes(text.encode())
    table = read_binary_table(tmp_path / "a.dat", 6)
    assert table.dtype == np.uint8
    assert np.array_equal(table, rows)


def test_one_column_and_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0\n1\n\n1")
    assert read_binary_table(tmp_path / "a.txt", 1).tolist() == [[0], [1], [1]]
    (tmp_path / "a.txt").write_text("")
    assert read_binary_table(tmp_path / "a.txt", 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0\n1 0\n1\n", "line 3: 1 values, and 2 are wanted"),
        ("1 0\n0 0 1\n", "line 2: 3 values, and 2 are wanted"),
        ("1 0\n10\n", r"line 2: values must be 0 or 1 with blanks between them, got b'10'"),
        ("1 0\n0 2\n", r"line 2: values .* got b'0 2'"),
        ("1 0\n0 -1\n", r"line 2: values .* got b'0 -1'"),
        ("cat\n", r"line 1: values .* got b'cat'"),
        ("1\0 \0000\0", r"line 1: values "),
    ],
)
@pytest.mark.parametrize("block", [2, 2**22])
def test_damaged_files(
    text: str, message: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binary_table, "BLOCK", block)
    (tmp_path / "a.dat").write_text(text)
    with pytest.raises(ValueError, match=f"a.dat', {message}"):
        read_binary_table(tmp_path / "a.dat", 2)
