from pathlib import Path

import pytest

from mmsrdl.visualization import panel_files


@pytest.mark.parametrize(
    ("images", "names"),
    [
        (["a/1.jpg", "a/2.jpg"], ["1", "2"]),
        (["a/1.jpg", "b/1.jpg", "b/1.png"], ["1", "1_2", "1_3"]),
        (["a/1.jpg", "b/1.jpg", "a/1_2.jpg"], ["1", "1_2", "1_2_2"]),
        (["a/1.jpg", "b/1_2.jpg", "b/1.jpg"], ["1", "1_2", "1_3"]),
        (["a/one.jpg", "b/ONE.jpg"], ["one", "ONE_2"]),  # one file where case is ignored
        (["a/1.2.jpg", "a/1.jpg"], ["1.2", "1"]),
    ],
)
def test_names(images: list[str], names: list[str]) -> None:
    assert panel_files(images, "out") == [Path(f"out/{name}.png") for name in names]


def test_no_image_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert panel_files(["1.jpg", "1_2.png"], tmp_path) == [
        tmp_path / "1.png",
        tmp_path / "1_2_2.png",
    ]
    assert panel_files([tmp_path / "1.png"], ".") == [Path("1_2.png")]
