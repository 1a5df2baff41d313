"""From a config file and command-line options to a config that a runner takes."""

import inspect
import logging
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches

import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmsrdl.apis.model_index import PACKAGE, config_path
from mmsrdl.datasets.wrappers import datasets_of
from mmsrdl.models.weights import backbone_init_cfg

CONFIG_ENDINGS = (".py", ".json", ".yaml", ".yml")
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
DICTS = ("model", "optim_wrapper", "auto_scale_lr", "visualizer", "randomness", *LOADERS)
"""Fields that options of the command line go into."""


def load_config(
    path: str,
    work_dir: str | None = None,
    data_root: str | None = None,
    weights: str | None = None,
    word_vectors: str | None = None,
    seed: int | None = None,
    amp: bool = False,
    auto_scale_lr: bool = False,
    tensorboard: bool = False,
    launcher: str = "none",
    cfg_options: Mapping | None = None,
) -> Config:
    """Reads a config and applies what a command line says.

    Args:
        path: Config file, name of a model, or ``mmsrdl::table5/car_r101_coco.py``,
            see :func:`config_path`.
        work_dir: Folder of logs and checkpoints. Defaults to the config's, or
            ``work_dirs/`` and the config's name.
        data_root: Folder that takes the place of the one that all data sets of
            the config share.
        weights: Checkpoint of the backbone's ImageNet weights.
        word_vectors: File of word vectors for the label embedder.
        seed: Random seed.
        amp: Mixed precision; needs a GPU.
        auto_scale_lr: Scale the learning rate with the batch size.
        tensorboard: Write TensorBoard files beside the logs.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        cfg_options: Dotted keys to values; the named options win over them.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If an option cannot be applied to this config.
    """
    path = config_path(path)
    cfg = _read(path)
    _warn_of_misspellings(cfg)
    cfg.launcher = launcher
    if cfg_options:
        _merge(cfg, cfg_options)
    if data_root is not None:
        set_data_root(cfg, data_root)
    if weights is not None:
        if "backbone" not in cfg.model:
            raise ValueError(f"--weights {weights}: the config's model has no backbone")
        scope = cfg.get("default_scope") or "mmpretrain"
        backbone = {"_scope_": scope, **cfg.model.backbone}
        cfg.model.backbone.init_cfg = ConfigDict(backbone_init_cfg(weights, backbone))
    if word_vectors is not None:
        embedder = cfg.model.get("head", {}).get("embedder")
        if embedder is None:
            raise ValueError(f"--word-vectors {word_vectors}: the config's head has no embedder")
        embedder.word_vectors = word_vectors
    if seed is not None:
        cfg.randomness = {**cfg.get("randomness", {}), "seed": seed}
    if amp:
        use_amp(cfg)
    if auto_scale_lr:
        if "auto_scale_lr" not in cfg:
            raise ValueError(
                "--auto-scale-lr: the config does not say for how many images its learning rate "
                "is meant; set auto_scale_lr=dict(base_batch_size=...)"
            )
        cfg.auto_scale_lr.enable = True
    if tensorboard:
        cfg.setdefault("visualizer", dict(type="UniversalVisualizer"))
        cfg.visualizer.setdefault("vis_backends", [dict(type="LocalVisBackend")])
        cfg.visualizer.vis_backends.append(dict(type="TensorboardVisBackend"))
    if not torch.cuda.is_available():
        for loader in LOADERS:
            if cfg.get(loader) is not None:
                cfg[loader].pin_memory = False  # torch warns where there is nothing to pin for
    name = os.path.splitext(os.path.basename(path))[0]
    cfg.work_dir = work_dir or cfg.get("work_dir") or os.path.join("work_dirs", name)
    return cfg


def _read(path: str) -> Config:
    """Reads a config file; one that inherits needs an installed mmsrdl for ``mmsrdl::``."""
    if not path.lower().endswith(CONFIG_ENDINGS):
        raise ValueError(f"config={path!r} is no config file, which ends in .py, .json or .yaml")
    try:
        return Config.fromfile(path)
    except FileNotFoundError as error:
        if (PACKAGE / ".mim").exists() or ".mim" not in str(error):
            raise
        raise FileNotFoundError(
            f"config={path!r} inherits from mmsrdl::, where MMEngine looks into installed packages "
            f"only; {PACKAGE} is not installed: pip install -e {PACKAGE.parent}"
        ) from error


def _runner_fields() -> set[str]:
    """Returns the fields of a config that MMEngine reads."""
    known = {*inspect.signature(Runner.__init__).parameters} - {"self", "cfg"}
    known |= {"runner_type", "compile", "find_unused_parameters"}
    return known | {"model_wrapper_cfg", "activation_checkpointing"}


def _check_names(cfg: Config, options: Mapping) -> None:
    """Refuses options whose first part is no field of the config, which would change nothing."""
    known = {*cfg, *_runner_fields()}
    for name in options:
        first = name.split(".")[0]
        if first not in known:
            near = get_close_matches(first, known, n=1)
            raise ValueError(
                f"--cfg-options {name}={options[name]!r}: the config has no {first!r}"
                + (f"; did you mean {near[0]!r}?" if near else "; see its fields in the file")
            )


def _merge(cfg: Config, options: Mapping) -> None:
    """Overrides settings by options.

    Raises:
        ValueError: If one goes into what is no dict or list, or leaves a field of another kind.
    """
    _check_names(cfg, options)
    given = " ".join(f"{name}={value}" for name, value in options.items())
    try:
        cfg.merge_from_dict(dict(options))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"--cfg-options {given}: cannot be applied: {error}; look at the fields in the file"
        ) from error
    for name in {option.split(".")[0] for option in options}.intersection(DICTS):
        if not isinstance(cfg.get(name), dict | None):
            raise ValueError(
                f"--cfg-options {given}: {name!r} must be a dict or None; give a field of it, such "
                f"as {name}.type=..."
            )


def _warn_of_misspellings(cfg: Config) -> None:
    """Warns of fields that are nearly, but not quite, some that MMEngine reads.

    Configs hold variables of their own: what begins with an underscore, or is used anywhere in
    their text, is one.
    """
    known = {*_runner_fields(), "custom_imports"}
    for name in cfg.keys() - known:
        near = get_close_matches(name, known, n=1, cutoff=0.85)
        # Assigned as name = ..., or in a YAML or JSON file as "name": ...; anything else is a use.
        use = rf"\b{re.escape(name)}\b(?![\"']?\s*(=(?!=)|:))"
        if near and not name.startswith("_") and not re.search(use, cfg.text):
            print_log(
                f"{cfg.filename}: nothing reads {name!r}; did you mean {near[0]!r}?",
                logger="current",
                level=logging.WARNING,
            )


def set_data_root(cfg: Config, data_root: str) -> None:
    """Moves every data set of a config to another folder.

    Where the data sets have different roots, their common parent moves, and
    they stay where they are below it.

    Args:
        cfg: The config, which is changed.
        data_root: The new folder.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If no data set of the config has a ``data_root``.
    """
    if not os.path.isdir(data_root):
        raise FileNotFoundError(f"--data-root {data_root}: no such folder")
    sets = [
        dataset
        for loader in LOADERS
        if cfg.get(loader) is not None
        for dataset in datasets_of(cfg[loader].dataset)
        if dataset.get("data_root")
    ]
    if not sets:
        raise ValueError(f"--data-root {data_root}: no data set of the config has a data_root")
    common = os.path.commonpath([os.path.abspath(dataset.data_root) for dataset in sets])
    # Loaders can share one data set's config: look at all before changing any.
    moves = [
        (dataset, os.path.relpath(os.path.abspath(dataset.data_root), common)) for dataset in sets
    ]
    for dataset, below in moves:
        dataset.data_root = os.path.normpath(os.path.join(data_root, below))


def use_amp(cfg: Config) -> None:
    """Switches to automatic mixed precision.

    Raises:
        ValueError: If there is no GPU, or the config's wrapper is not MMEngine's plain one.
    """
    if not torch.cuda.is_available():
        raise ValueError(
            "--amp needs a GPU and none is visible to torch; run without --amp, or check "
            "`python -c 'import torch; print(torch.cuda.is_available())'`"
        )
    kind = cfg.optim_wrapper.get("type", "OptimWrapper")
    if kind not in ("OptimWrapper", "AmpOptimWrapper"):
        raise ValueError(f"--amp cannot change optim_wrapper.type={kind!r}")
    cfg.optim_wrapper.type = "AmpOptimWrapper"
    cfg.optim_wrapper.setdefault("loss_scale", "dynamic")
