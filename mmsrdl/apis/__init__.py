"""What the command line calls."""

from mmsrdl.apis.config import load_config, set_data_root
from mmsrdl.apis.inference import ImageAttention, attend_images, load_model
from mmsrdl.apis.run import test, train

__all__ = [
    "ImageAttention",
    "attend_images",
    "load_config",
    "load_model",
    "set_data_root",
    "test",
    "train",
]
