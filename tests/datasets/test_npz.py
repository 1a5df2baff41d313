from pathlib import Path

import numpy as np
import pytest

from mmsrdl.datasets.npz import name_array, read_npz, write_npz


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_is_written_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    path = tmp_path / "new" / "file"  # numpy would append .npz
    write_npz(path, dict(names=np.array(["a", "b"]), counts=np.arange(3)), compressed)
    names, counts = read_npz(path, ("names", "counts"), "file")
    assert (names.tolist(), counts.tolist()) == (["a", "b"], [0, 1, 2])

    def stop(file, **arrays: np.ndarray) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed" if compressed else "savez", stop)
    with pytest.raises(KeyboardInterrupt):
        write_npz(path, dict(names=np.zeros(1)), compressed)
    assert [each.name for each in path.parent.iterdir()] == ["file"]
    assert read_npz(path, ("counts",), "file")[0].tolist() == [0, 1, 2]


def test_a_name_that_no_array_keeps_is_refused() -> None:
    assert name_array(["a\0b", ""], "class").tolist() == ["a\0b", ""]
    with pytest.raises(ValueError, match=r"class 'a\\x00' ends with NUL, which no array keeps"):
        name_array(["b", "a\0"], "class")
