import runpy
import sys
from pathlib import Path

import pytest

from mmsrdl.paper_tables import write_tables
from tests.paper_tables.fake_runs import CONFIGS, make_training

FILES = [
    "tables.md", "table1.png", "table2.png", "table4.png", "table5.png", "table6.png",
    "figure6.png",
]  # fmt: skip
SRDL, GMP = "table5/srdl_r101_coco.py", "table5/r101_gmp_voc07.py"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Tables of two seeds of SRDL on COCO, one more K, and a GMP baseline on 1,000 images."""
    folder = tmp_path_factory.mktemp("tables")
    runs = folder / "work_dirs"
    make_training(runs / "srdl_0", SRDL, [10.0, 81.0], 40137, seed=0)
    make_training(runs / "srdl_1", SRDL, [99.0, 83.0], 40137, seed=1)
    make_training(runs / "srdl_7", SRDL, [10.0, 70.0], 40137, default_hooks__oe__topk=7)
    make_training(runs / "gmp", GMP, [90.0], 1000)
    files = write_tables([runs], folder / "out")
    assert [file.name for file in files] == FILES
    for file in files[1:]:
        assert file.read_bytes().startswith(b"\x89PNG")
    return files[0].read_text()


def section(text: str, title: str) -> str:
    return text.split(f"## {title}")[1].split("\n## ")[0]


def test_the_papers_figure_stands_beside_ours_in_every_table(text: str) -> None:
    where = (
        "ResNet-101, 448 px, 40,137 images of instances\\_val2014, trained on "
        "instances\\_train2014, protocol paper, 2 epochs, seed 0, 1 |"
    )
    assert (f"| Ours |  | 448 x 448 | ResNet-101 | 82.9 | 82.0 ± 1.4 (n = 2) | {where}") in section(
        text, "Table 1"
    )
    assert "| Ours |  | 85.4 | 81.0 ± 1.4 (n = 2) | 70.8 | 80.0 ± 1.4" in section(text, "Table 2")
    assert (f"| Ours | ✓ | ✓ | 82.9 | 82.0 ± 1.4 (n = 2) | 94.6 |  | MS-COCO: {where}") in section(
        text, "Table 5"
    )
    assert "†" not in section(text, "Table 1")


def test_what_was_not_run_is_empty(text: str) -> None:
    assert "| SRN | CVPR 2018 | 224 x 224 | ResNet-101 | 77.1 |  |  |" in section(text, "Table 1")
    assert "| SSGRL\\* | ICCV 2019 | 448 x 448 | ResNet-101 | 81.9 |  |  |" in text
    assert "| Ours CAR w/o SA | 79.3 |  | 92.0 |  |  |" in section(text, "Table 6")
    assert "78.9 in its text" in section(text, "Table 6")
    assert "Not run so far" in section(text, "Table 6")


def test_other_systems_stand_below_with_their_conditions(text: str) -> None:
    table = section(text, "Table 4")
    below = table.split("*not in the paper's table:*")[1]
    assert "| ResNet-101, GMP |  |  |  | 93.0 ‡ | 90.0 † | ResNet-101, 448 px, 1,000 im" in below
    assert "† Not the paper's conditions on VOC 2007: ResNet-101, 448 px, 4,952" in below
    assert "‡ ResNet-101, GMP: not SRDL's figure but that of ML-GCN's authors" in below
    assert "not in the paper's table" not in section(text, "Table 1") + section(text, "Table 5")


def test_figure_6_has_our_points_and_none_of_the_papers(text: str) -> None:
    table = section(text, "Figure 6: mAP (%) against K")
    assert "| MS-COCO, paper |  |  |  |  |  |  |  |  |  |" in table
    assert "| MS-COCO, ours |  |  | 82.0 ± 1.4 (n = 2) |  |  |  | 70.0 |  | ResNet-101," in table
    assert "The paper only draws its values" in table
    assert "82.0 ± 1.4" in section(text, "Figure 6: mAP (%) against alpha")


def test_every_run_is_listed(text: str) -> None:
    listed = section(text, "Runs")
    assert [listed.count(name) for name in ("srdl_0", "srdl_1", "srdl_7", "gmp")] == [3, 3, 1, 1]


def test_the_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_training(tmp_path / "srdl", SRDL, [80.0], 40137)
    arguments = ["tables.py", "--row", "Ours CAR=srdl", "--out", "out"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(CONFIGS.parent / "tools/analysis_tools/tables.py"), run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out.splitlines() == [f"out/{name}" for name in FILES]
    assert "placed by hand" in (tmp_path / "out" / "tables.md").read_text()
