"""Data sets, samplers, transforms and label statistics."""

from mmsrdl.datasets.categories import COCO_CATEGORIES, VOC_CATEGORIES
from mmsrdl.datasets.coco import CocoMultiLabel
from mmsrdl.datasets.collate import default_collate
from mmsrdl.datasets.cooccurrence import (
    Cooccurrence,
    conditional_probability,
    cooccurrence_matrix,
    load_cooccurrence,
    save_cooccurrence,
)
from mmsrdl.datasets.feature_maps import FeatureMapDataset, FeatureMaps, write_feature_maps
from mmsrdl.datasets.multi_label_dataset import MultiLabelDataset
from mmsrdl.datasets.nuswide import NUSWIDE
from mmsrdl.datasets.observation import HeldOutSplit, Observation, ObservedDataset, observe
from mmsrdl.datasets.samplers import SeededSampler
from mmsrdl.datasets.transforms import LoadWholeImage, MultiScaleCrop, TorchResize
from mmsrdl.datasets.voc import VOCMultiLabel
from mmsrdl.datasets.wrappers import inner_datasets

__all__ = [
    "COCO_CATEGORIES",
    "NUSWIDE",
    "VOC_CATEGORIES",
    "CocoMultiLabel",
    "Cooccurrence",
    "FeatureMapDataset",
    "FeatureMaps",
    "HeldOutSplit",
    "LoadWholeImage",
    "MultiLabelDataset",
    "MultiScaleCrop",
    "Observation",
    "ObservedDataset",
    "SeededSampler",
    "TorchResize",
    "VOCMultiLabel",
    "conditional_probability",
    "cooccurrence_matrix",
    "default_collate",
    "inner_datasets",
    "load_cooccurrence",
    "observe",
    "save_cooccurrence",
    "write_feature_maps",
]
