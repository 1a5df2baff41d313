"""What the command line calls."""

from mmsrdl.apis.config import load_config, set_data_root
from mmsrdl.apis.run import test, train

__all__ = ["load_config", "set_data_root", "test", "train"]
