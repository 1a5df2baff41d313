"""NUS-WIDE: its published text files, the file made of them, and the data set."""

from mmsrdl.datasets.nuswide.dataset import NUSWIDE
from mmsrdl.datasets.nuswide.labels import LabeledImages, NUSWIDELabels
from mmsrdl.datasets.nuswide.published import COUNTS, read_published

__all__ = ["COUNTS", "NUSWIDE", "LabeledImages", "NUSWIDELabels", "read_published"]
