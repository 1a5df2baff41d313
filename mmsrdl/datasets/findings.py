"""What a check of a data set finds."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["LEVELS", "DataReport", "Finding"]

LEVELS = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a data set, or worth knowing.

    Attributes:
        level: ``'error'``: training fails, or its figures are wrong; ``'warning'``: it runs, and
            probably not as meant; ``'note'``.
        kind: What it is, such as ``'missing-file'``.
        message: What is wrong, and the mend.
        split: Name of the split; empty for all of them.
        file: Annotation file.
        line: Its line, from 1; 0 where it has none.
        image: The image, as the annotation file has it.
        name: The class or label.
    """

    level: str
    kind: str
    message: str
    split: str = ""
    file: str = ""
    line: int = 0
    image: str = ""
    name: str = ""


@dataclass
class DataReport:
    """All that was found.

    Attributes:
        findings: Errors first, then warnings, then notes.
        classes: The classes that labels were compared with.
        images: Images of each split, by its name.
    """

    findings: list[Finding]
    classes: tuple[str, ...]
    images: dict[str, int]

    def count(self, level: str) -> int:
        """Returns the number of findings of a level."""
        return sum(finding.level == level for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Returns the report in plain types, as for JSON."""
        return {
            "images": self.images,
            "classes": list(self.classes),
            **{f"{level}s": self.count(level) for level in LEVELS},
            "findings": [asdict(finding) for finding in self.findings],
        }
