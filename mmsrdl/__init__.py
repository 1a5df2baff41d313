"""mmsrdl: multi-label image recognition for OpenMMLab."""

import sys
from typing import TYPE_CHECKING, Any

from mmsrdl._stack import is_doctor, register_config_scope, require_stack
from mmsrdl.version import __version__

if TYPE_CHECKING:
    from mmsrdl.apis import MultiLabelInferencer, get_model, list_models

LAZY = ("MultiLabelInferencer", "get_model", "list_models")

__all__ = ["MultiLabelInferencer", "__version__", "get_model", "list_models"]

if not is_doctor(sys.orig_argv):
    require_stack()
    register_config_scope()


def __getattr__(name: str) -> Any:
    """Imports what needs torch when it is first used."""
    if name not in LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mmsrdl import apis

    return getattr(apis, name)
