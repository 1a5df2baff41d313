"""Pretrained backbone weights: timm's by name, and files under either key style."""

import os
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmsrdl.registry import MODELS

TIMM_PREFIX = "timm_model."


def _allowed_globals() -> list[Any]:
    """Returns what MMEngine's checkpoints hold beside tensors: histories in numpy arrays."""
    core = np._core if hasattr(np, "_core") else np.core
    return [
        HistoryBuffer,
        getattr,  # of HistoryBuffer's methods; what it returns cannot be called
        np.ndarray,
        np.dtype,
        core.multiarray._reconstruct,
        core.multiarray.scalar,
        *(type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "int32", "bool")),
    ]


@CheckpointLoader.register_scheme(prefixes="timm://")
def load_from_timm(filename: str, map_location: Any = None) -> "OrderedDict[str, Tensor]":
    """Loads weights under timm's names for a ``TIMMBackbone``.

    Args:
        filename: ``timm://MODEL`` for timm's published weights, which are
            downloaded, or ``timm://FILE``.
        map_location: Unused; the weights come on the CPU.

    Returns:
        State dict under the names of ``TIMMBackbone``.
    """
    name = filename.removeprefix("timm://")
    if os.path.isfile(name):
        state = read_state_dict(name)
    else:
        import timm

        state = timm.create_model(name, pretrained=True).state_dict()
    return OrderedDict((TIMM_PREFIX + key, value) for key, value in state.items())


def read_checkpoint(path: str | os.PathLike[str]) -> Any:
    """Reads a checkpoint without running code from it.

    Args:
        path: File written by ``torch.save``. Beside tensors and plain values,
            MMEngine's log histories are understood, as its checkpoints hold them.

    Returns:
        The file's content.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read so.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"checkpoint {path!r} does not exist; give a checkpoint file")
    try:
        with torch.serialization.safe_globals(_allowed_globals()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"checkpoint {path!r} cannot be read as plain tensors (weights_only=True): {error}. "
            "Save it again as a state dict: torch.save(model.state_dict(), FILE)"
        ) from error


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Reads a state dict from a checkpoint, see :func:`read_checkpoint`.

    Args:
        path: File with a state dict, or with a dict that holds one under
            ``state_dict``: the two layouts that MMEngine loads.

    Returns:
        Names to tensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no state dict.
    """
    content = read_checkpoint(path)
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not any(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(
            f"checkpoint {str(path)!r} holds no state dict (names to tensors). "
            "Where it lies under another key, such as 'model', save it by itself: "
            "torch.save(torch.load(FILE)['model'], NEW_FILE)"
        )
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def backbone_init_cfg(path: str | os.PathLike[str], backbone: dict | nn.Module) -> dict:
    """Makes the ``init_cfg`` that fills a backbone from a file, whatever its key style.

    Understood are the backbone's own names (torchvision's for ``ResNet``), the
    same under ``backbone.`` (an MMPretrain classifier), and timm's for a
    ``TIMMBackbone``. That every entry is there, in its shape, is checked now:
    MMEngine would start from random weights with a warning.

    Args:
        path: Checkpoint.
        backbone: Config of the backbone, or the backbone.

    Returns:
        Config of MMEngine's ``Pretrained`` initialiser.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, or does not fill the backbone.
    """
    path = os.fspath(path)
    state = read_state_dict(path)
    module = backbone
    if not isinstance(module, nn.Module):
        module = MODELS.build({**module, "init_cfg": None})
    wanted = module.state_dict()
    styles = {
        prefix: {
            key.removeprefix(prefix): value
            for key, value in state.items()
            if key.startswith(prefix)
        }
        for prefix in ("", "module.", "backbone.", "module.backbone.")
    }
    styles["timm://"] = {TIMM_PREFIX + key: value for key, value in state.items()}
    style = max(styles, key=lambda style: len(styles[style].keys() & wanted.keys()))
    _check_filled(path, wanted, styles[style], type(module).__name__)
    init_cfg = dict(type="Pretrained", checkpoint=path)
    if style == "timm://":
        init_cfg["checkpoint"] = style + path
    elif style:
        init_cfg["prefix"] = style
    return init_cfg


def _check_filled(
    path: str, wanted: dict[str, Tensor], found: dict[str, Tensor], name: str
) -> None:
    missing = [
        key for key in wanted if key not in found and not key.endswith("num_batches_tracked")
    ]
    misshapen = [
        f"{key} {list(found[key].shape)} for {list(value.shape)}"
        for key, value in wanted.items()
        if key in found and found[key].shape != value.shape
    ]
    if missing or misshapen:
        raise ValueError(
            f"weights={path!r} does not fill the backbone {name}. Missing: {len(missing)} of "
            f"{len(wanted)} entries {missing[:3]}; of another shape: {len(misshapen)} "
            f"{misshapen[:3]}. Give weights of this architecture"
        )
