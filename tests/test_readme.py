"""The README's table of equations against the code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
ROWS = re.findall(r"^\| Eq\. \((\d+)\) \| [^|]+ \| \[`(\w+)`\]\(([^)]+)\) \|$", README, re.M)


def test_every_equation_is_there() -> None:
    numbers = {int(number) for number, _, _ in ROWS}
    assert numbers == set(range(2, 17))
    assert "| Eq. (1) |" in README


@pytest.mark.parametrize(("number", "name", "file"), ROWS)
def test_row(number: str, name: str, file: str) -> None:
    source = (ROOT / file).read_text()
    assert re.search(rf"^(class|def) {name}\b", source, re.M)
    marked = set()
    for group in re.findall(r"Eqs?\. (\(\d+\)(?:(?:, | and |-)\(\d+\))*)", source):
        ends = [int(n) for n in re.findall(r"\d+", group)]
        marked.update(range(ends[0], ends[-1] + 1) if "-" in group else ends)
    assert int(number) in marked, f"{file} does not mark Eq. ({number})"


def test_links_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
