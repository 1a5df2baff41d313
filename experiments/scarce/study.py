"""What is compared: every loss in every setting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from experiments import study
from experiments.scarce.job import Job
from experiments.scarce.losses import EVERYTHING, LOSSES, SETTINGS
from experiments.study import Cell

__all__ = ["Study"]


@dataclass(kw_only=True)
class Study(study.Study):
    """What is compared.

    A search begins with the two learning rates in the middle, and goes on one after the other
    beyond the best, as long as that is the smallest or largest tried.

    Attributes:
        data: Folder that ``prepare`` wrote.
        losses: Keys of :data:`LOSSES`.
        settings: Keys of :data:`SETTINGS`.
    """

    CHOICES = {"losses": LOSSES, "settings": SETTINGS}

    data: str
    losses: list[str]
    settings: list[str]

    def cells(self) -> Iterable[Cell]:
        """Returns losses and settings that are trained; the rest is BCE, see :meth:`trained`."""
        pairs = [(loss, setting) for setting in self.settings for loss in self.losses]
        return dict.fromkeys((self.trained(*pair), pair[1]) for pair in pairs)

    def training(self, cell: Cell, **fields: Any) -> Job:
        """Makes a training of a loss in a setting."""
        loss, setting = cell
        return Job(loss=loss, setting=setting, data=self.data, **fields)

    @staticmethod
    def trained(loss: str, setting: str) -> str:
        """Returns the loss that stands for another in a setting: BCE, where all is known."""
        return "bce" if setting == EVERYTHING and LOSSES[loss].reduces else loss

    def first_lrs(self) -> list[float]:
        """Returns the two in the middle."""
        middle = len(self.lrs) // 2
        return self.lrs[middle - 1 : middle + 1]

    def beyond(self, tried: Sequence[float], up: bool) -> float | None:
        """Returns the next of the learning rates, if there is one."""
        following = [lr for lr in self.lrs if (lr > tried[-1] if up else lr < tried[0])]
        return following[0 if up else -1] if following else None

    def results(self, cell: Cell) -> list[dict[str, Any]]:
        """Reads the results of the final trainings of a cell, or of BCE in its place."""
        loss, setting = cell
        return super().results((self.trained(loss, setting), setting))
