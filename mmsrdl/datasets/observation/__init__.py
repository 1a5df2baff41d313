"""Hidden labels: which labels of a data set are known, and data sets that know no others."""

from mmsrdl.datasets.observation.held_out_split import HeldOutSplit, random_split
from mmsrdl.datasets.observation.observation import Observation, observe
from mmsrdl.datasets.observation.observed_dataset import ObservedDataset
from mmsrdl.datasets.observation.published import read_published
from mmsrdl.datasets.observation.statistics import ObservationStatistics
from mmsrdl.datasets.observation.stored_labels import image_names, stored_labels

__all__ = [
    "HeldOutSplit",
    "Observation",
    "ObservationStatistics",
    "ObservedDataset",
    "image_names",
    "observe",
    "random_split",
    "read_published",
    "stored_labels",
]
