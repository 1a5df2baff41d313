"""What is compared: SigRL with and without its parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from experiments import study
from experiments.open_vocabulary.job import Job
from experiments.open_vocabulary.rows import ROWS
from experiments.study import Cell

__all__ = ["Study"]


@dataclass(kw_only=True)
class Study(study.Study):
    """What is compared, and how.

    Attributes:
        data: Folder that ``prepare`` wrote.
        rows: Keys of :data:`ROWS`.
    """

    CHOICES = {"rows": ROWS}

    data: str
    rows: list[str]

    def cells(self) -> Iterable[Cell]:
        """Returns the rows."""
        return [(row,) for row in self.rows]

    def training(self, cell: Cell, **fields: Any) -> Job:
        """Makes a training of a row."""
        return Job(row=cell[0], data=self.data, **fields)
