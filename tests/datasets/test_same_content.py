from pathlib import Path

import pytest

from mmsrdl.datasets.same_content import same_content


def test_files_of_the_same_bytes(tmp_path: Path) -> None:
    contents = {"a": b"12", "b": b"34", "c": b"12", "d": b"345", "e": b"34", "f": b"12", "g": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in "abcdefgh"]  # there is no h
    read: list[int] = []

    def progress(places: list[int]) -> list[int]:
        read.extend(places)
        return places

    assert same_content(paths, progress) == [[0, 2, 5], [1, 4]]
    assert len(read) == 5  # the others have a length of their own


@pytest.mark.parametrize("number", [0, 1])
def test_few_files(number: int, tmp_path: Path) -> None:
    assert same_content([tmp_path] * number) == []
