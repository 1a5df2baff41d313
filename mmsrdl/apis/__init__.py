"""What the command line calls."""

from mmsrdl.apis.attention import ImageAttention, attend_images
from mmsrdl.apis.class_maps import class_maps, map_methods
from mmsrdl.apis.config import load_config, set_data_root
from mmsrdl.apis.inference import load_model
from mmsrdl.apis.inferencer import MultiLabelInferencer
from mmsrdl.apis.model_index import config_path
from mmsrdl.apis.models import get_model, list_models, register_models
from mmsrdl.apis.prediction import Label, Prediction, write_predictions
from mmsrdl.apis.run import test, train

__all__ = [
    "ImageAttention",
    "Label",
    "MultiLabelInferencer",
    "Prediction",
    "attend_images",
    "class_maps",
    "config_path",
    "get_model",
    "list_models",
    "load_config",
    "load_model",
    "map_methods",
    "register_models",
    "set_data_root",
    "test",
    "train",
    "write_predictions",
]

register_models()
