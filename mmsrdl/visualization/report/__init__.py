"""The HTML report of a test run."""

from mmsrdl.visualization.report.mistakes import (
    Confusion,
    Mistake,
    confusions,
    entry_loss,
    worst_images,
    worst_of_class,
)
from mmsrdl.visualization.report.write_report import write_report

__all__ = [
    "Confusion",
    "Mistake",
    "confusions",
    "entry_loss",
    "worst_images",
    "worst_of_class",
    "write_report",
]
