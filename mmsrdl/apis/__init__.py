"""What the command line calls."""

from mmsrdl.apis.attention import ImageAttention, attend_images
from mmsrdl.apis.class_maps import class_maps, map_methods
from mmsrdl.apis.config import load_config, set_data_root
from mmsrdl.apis.export import ExportReport, export_onnx, onnx_error
from mmsrdl.apis.inference import load_model
from mmsrdl.apis.inferencer import MultiLabelInferencer
from mmsrdl.apis.model_index import config_path
from mmsrdl.apis.models import get_model, list_models, register_models
from mmsrdl.apis.pointing_game import add_pointing_game, pointing_game
from mmsrdl.apis.prediction import Label, Prediction, write_predictions
from mmsrdl.apis.resize_rule import ResizeRule, resize_rule
from mmsrdl.apis.run import test, train, use_images

__all__ = [
    "ExportReport",
    "ImageAttention",
    "Label",
    "MultiLabelInferencer",
    "Prediction",
    "ResizeRule",
    "add_pointing_game",
    "attend_images",
    "class_maps",
    "config_path",
    "export_onnx",
    "get_model",
    "list_models",
    "load_config",
    "load_model",
    "map_methods",
    "onnx_error",
    "pointing_game",
    "register_models",
    "resize_rule",
    "set_data_root",
    "test",
    "train",
    "use_images",
    "write_predictions",
]

register_models()
