"""Which system a run is, by what its config builds."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry

from mmsrdl.apis import load_config
from mmsrdl.apis.model_index import model_index
from mmsrdl.paper_tables.published import SYSTEMS
from mmsrdl.registry import HOOKS, MODELS

__all__ = [
    "ERASING", "Match", "bare_type", "compare_settings", "describe_leaf", "describe_model",
    "leaf_config",
    "match_system",
]  # fmt: skip

SIZES = ("num_classes", "in_channels", "num_extra_tokens", "classes", "init_cfg", "thr", "topk")
"""Of data set, backbone and output: they make no other system."""

FILES = ("word_vectors", "cooccurrence")
"""Whether they are given matters, where they lie does not."""

ERASING = "oe"


@dataclass(frozen=True)
class Match:
    """The system that a run is of.

    Attributes:
        system: Key of ``SYSTEMS``; None where there is none.
        differences: Settings to (the run's value, that of the system's leaf config).
        reason: Why there is none.
    """

    system: str | None
    differences: dict[str, tuple[Any, Any]]
    reason: str = ""


def match_system(cfg: Config, data: str) -> Match:
    """Finds the system that a config builds.

    The folder's name does not count. A run is of the system whose leaf config has the same parts:
    the same types of model, neck, head, embedder, attention, relation, classifier and loss, with
    or without object erasing. Where several leaf configs have them (CAR and its ablations), it is
    of the one from which the fewest settings differ. Settings that a config leaves open are
    compared by their defaults; sizes that follow from data and backbone are not compared, and
    neither is the recipe.

    Args:
        cfg: Config of a run.
        data: Key of ``DATA``.
    """
    mine = describe_model(cfg)
    apart = []
    for name in SYSTEMS:
        theirs = describe_leaf(name, data)
        if theirs is not None and _parts(theirs) == _parts(mine):
            apart.append((name, compare_settings(mine, theirs)))
    if not apart:
        parts = ", ".join(dict.fromkeys(_parts(mine).values()))
        return Match(None, {}, f"no leaf config of the tables is built of the same parts: {parts}")
    fewest = min(len(differences) for _, differences in apart)
    best = [(name, found) for name, found in apart if len(found) == fewest]
    if len(best) > 1:
        names = " and ".join(name for name, _ in best)
        return Match(None, {}, f"it is as near to {names}; say which with --row")
    return Match(*best[0])


@cache
def describe_leaf(system: str, data: str) -> dict[str, Any] | None:
    """Describes the leaf config of a system; None where mmsrdl has none for this data set.

    Args:
        system: Key of ``SYSTEMS``.
        data: Key of ``DATA``.
    """
    file = leaf_config(system, data)
    return describe_model(load_config(str(file))) if file.is_file() else None


def leaf_config(system: str, data: str) -> Path:
    """Returns where the leaf config of a system lies, if there is one.

    Args:
        system: Key of ``SYSTEMS``.
        data: Key of ``DATA``.
    """
    return model_index().parent / "configs" / f"{SYSTEMS[system].config}_{data}.py"


def compare_settings(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Returns the settings in which two descriptions differ, and both values."""
    names = dict.fromkeys((*mine, *theirs))
    return {
        name: (mine.get(name), theirs.get(name))
        for name in names
        if mine.get(name) != theirs.get(name)
    }


def describe_model(cfg: Config) -> dict[str, Any]:
    """Flattens what a config builds: model without backbone, and object erasing.

    Args:
        cfg: A config.

    Returns:
        Dotted names, such as ``head.attention.use_channel``, to values. Types are without scope,
        and open settings have their constructors' defaults.
    """
    model = {
        name: value
        for name, value in cfg.model.to_dict().items()
        if name not in ("backbone", "data_preprocessor", "pretrained")
    }
    _complete_head(model.get("head"))
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope", "mmpretrain")):
        described = dict(_flatten(model, "", MODELS))
        erasing = _erasing_of(cfg)
        if erasing is not None:
            described.update(_flatten(erasing, f"{ERASING}.", HOOKS, hidden=()))
    return described


def _complete_head(head: Any) -> None:
    """Writes out the parts that mmsrdl's heads take where a config names none."""
    if not isinstance(head, dict):
        return
    if str(head.get("type")).endswith("CARHead"):
        head["attention"] = {"type": "mmsrdl.CARAttention", **(head.get("attention") or {})}
    if bare_type(head.get("type")) == "ClassFeatureHead":
        head["loss"] = head.get("loss") or {"type": "mmsrdl.MultiLabelBCELoss"}


def _erasing_of(cfg: Config) -> dict | None:
    """Returns the config of object erasing, if the run has it."""
    hooks = [*(cfg.get("default_hooks") or {}).values(), *(cfg.get("custom_hooks") or ())]
    for hook in hooks:
        if hook and bare_type(hook.get("type")) == "OEErasingHook":
            return dict(hook)
    return None


def _flatten(
    cfg: dict, prefix: str, registry: Registry, hidden: tuple[str, ...] = SIZES
) -> Iterator[tuple[str, Any]]:
    """Yields dotted names and values, without sizes and what is None."""
    for name, value in {**_defaults(cfg.get("type"), registry), **cfg}.items():
        if value is None or name in hidden:
            continue
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.", registry, hidden)
        elif name == "type":
            yield f"{prefix}{name}", bare_type(value)
        elif name in FILES:
            yield f"{prefix}{name}", "given"
        else:
            yield f"{prefix}{name}", tuple(value) if isinstance(value, list) else value


def _defaults(kind: Any, registry: Registry) -> dict[str, Any]:
    """Returns the defaults of a type's constructor, and of those that it passes the rest to."""
    found = registry.get(kind) if isinstance(kind, str) else kind
    defaults: dict[str, Any] = {}
    for each in inspect.getmro(found) if isinstance(found, type) else ():
        constructor = vars(each).get("__init__")
        if constructor is None:
            continue
        parameters = inspect.signature(constructor).parameters.values()
        for parameter in parameters:
            if parameter.default is not inspect.Parameter.empty:
                defaults.setdefault(parameter.name, parameter.default)
        if all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            break
    return defaults


def _parts(described: dict[str, Any]) -> dict[str, str]:
    """Returns the types among settings."""
    return {name: value for name, value in described.items() if name.split(".")[-1] == "type"}


def bare_type(kind: Any) -> str:
    """Returns a type's name without scope and module; a CARHead is a ClassFeatureHead.

    Args:
        kind: The ``type`` of a config: a name or a class.
    """
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
    return name.split(".")[-1].replace("CARHead", "ClassFeatureHead")
