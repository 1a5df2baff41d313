"""Parts of a head, built from configs."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from mmsrdl.registry import MODELS

__all__ = ["build_part", "names"]

OF_EMBEDDER = ("embed_dims", "classes")


def build_part(field: str, cfg: dict[str, Any], **known: Any) -> Any:
    """Builds a part of a head and fills in what the head knows.

    Args:
        field: Name of the head's argument, for messages.
        cfg: Config with ``type``. A name of this package needs no ``mmsrdl.`` before it.
        **known: Arguments such as ``in_channels``. A part gets those that its constructor names
            and ``cfg`` does not give; None is not known.

    Raises:
        TypeError: If ``cfg`` is no config of a part, or has an argument that the part does not
            take, or lacks one.
        ValueError: If there is no part of this type.
    """
    if not isinstance(cfg, dict) or "type" not in cfg:
        raise TypeError(
            f"{field}={cfg!r} must be a dict with the type of the part, such as "
            "dict(type='mmsrdl.NAME')"
        )
    part = _find(field, cfg)
    given = {k: v for k, v in cfg.items() if k not in ("type", "_scope_")}
    told = {k: v for k, v in known.items() if v is not None and names(part, k)}
    given = {**told, **given}
    _check_arguments(field, part, given)
    scope = {"_scope_": cfg["_scope_"]} if "_scope_" in cfg else {}
    return MODELS.build(dict(type=part, **given, **scope))


def names(part: Callable, argument: str) -> bool:
    """Says whether a part's constructor names an argument."""
    return argument in inspect.signature(part).parameters


def _find(field: str, cfg: dict[str, Any]) -> Callable:
    """Returns what the config's type names: in its scope, or else in this package."""
    kind = cfg["type"]
    if not isinstance(kind, str):
        return kind
    with MODELS.switch_scope_and_registry(cfg.get("_scope_")) as registry:
        part = registry.get(kind)
    part = MODELS.get(kind) if part is None else part
    if part is None:
        near = get_close_matches(kind.rpartition(".")[2], MODELS.module_dict, n=1)
        hint = f"nearest: 'mmsrdl.{near[0]}'" if near else "is the module imported that has it?"
        raise ValueError(f"{field}.type={kind!r} is not registered; {hint}")
    return part


def _check_arguments(field: str, part: Callable, given: dict[str, Any]) -> None:
    """Refuses arguments that the constructor does not take, and that it lacks."""
    name = getattr(part, "__name__", repr(part))
    parameters = inspect.signature(part).parameters
    listed = [
        key
        for key, parameter in parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key in given:
        if key not in parameters and not takes_any:
            near = get_close_matches(key, listed, n=1)
            hint = f"nearest: {near[0]}" if near else f"it takes {', '.join(listed)}"
            raise TypeError(f"{field}.{key}={given[key]!r}: {name} takes no {key}; {hint}")
    for key in listed:
        if parameters[key].default is inspect.Parameter.empty and key not in given:
            mend = f"set {field}.{key}"
            if key in OF_EMBEDDER and field != "embedder":
                mend = (
                    f"give the head an embedder, such as dict(type='mmsrdl.GCNLabelEmbedder', "
                    f"classes=[...], embed_dims=300), or {mend}"
                )
            raise TypeError(f"{name} as {field} needs {key}: {mend}")
