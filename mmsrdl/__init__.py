"""mmsrdl: multi-label image recognition for OpenMMLab."""

from mmsrdl._stack import register_config_scope, require_stack
from mmsrdl.version import __version__

__all__ = ["__version__"]

require_stack()
register_config_scope()
