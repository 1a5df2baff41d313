"""Pretrained backbone weights: timm's by name, and files under either key style."""

import os
from collections import OrderedDict
from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmsrdl.checkpoint import read_state_dict
from mmsrdl.registry import MODELS

TIMM_PREFIX = "timm_model."


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
