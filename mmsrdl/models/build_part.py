"""Parts of a head, built from configs."""

import inspect
from typing import Any

from mmsrdl.registry import MODELS

__all__ = ["build_part"]


def build_part(cfg: dict[str, Any], **known: Any) -> Any:
    """Builds a part of a head and fills in what the head knows.

    Args:
        cfg: Config with ``type``.
        **known: Arguments such as ``in_channels``. A part gets those that its constructor names
            and ``cfg`` does not give; None is not known.
    """
    kind = cfg["type"]
    part = MODELS.get(kind) if isinstance(kind, str) else kind
    if part is not None:
        wanted = inspect.signature(part).parameters
        cfg = {**{k: v for k, v in known.items() if k in wanted and v is not None}, **cfg}
    return MODELS.build(cfg)
