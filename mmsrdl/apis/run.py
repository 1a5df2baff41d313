"""Training and evaluation, as the command line and Python call them."""

import os
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from mmsrdl.apis.distributed import prepare_distributed
from mmsrdl.models.weights import read_state_dict


def train(cfg: Config, resume: str | None = None) -> nn.Module:
    """Trains a model.

    Args:
        cfg: Config, see :func:`load_config`.
        resume: ``'auto'`` goes on from the newest checkpoint of the work
            directory, if there is one; a file, from that checkpoint.

    Returns:
        The trained model.

    Raises:
        RuntimeError: If pretrained weights of the config cannot be had.
    """
    if resume is not None:
        cfg.resume, cfg.load_from = True, None if resume == "auto" else resume
    prepare_distributed(cfg)
    check_pretrained(cfg)
    model = _build_runner(cfg).train()
    # EMA gave the weights back behind autograd's version counters: drop what CARHead keeps.
    return model.train(model.training)


def test(cfg: Config, checkpoint: str, out: str | None = None) -> dict[str, float]:
    """Evaluates a checkpoint on the test set of a config.

    Args:
        cfg: Config, see :func:`load_config`.
        checkpoint: Checkpoint file.
        out: File (npz) for names, scores and labels of all images.

    Returns:
        Metric names to values.

    Raises:
        ValueError: If ``out`` is given and the config has no ``mmsrdl.MultiLabelMetric``,
            or if the checkpoint cannot be read or is another model's.
    """
    if out is not None:
        _metric_of(cfg, out).out_file = out
    cfg.load_from = checkpoint
    prepare_distributed(cfg)
    runner = _build_runner(cfg)
    if os.path.isfile(checkpoint):
        _check_fits(checkpoint, runner.model)
    return runner.test()


def _check_fits(checkpoint: str, model: nn.Module) -> None:
    """Refuses another model's checkpoint, of which MMEngine would load what fits."""
    state = read_state_dict(checkpoint)
    found = {name.removeprefix("module."): value.shape for name, value in state.items()}
    bare: Any = model.module if is_model_wrapper(model) else model
    wanted = {name: value.shape for name, value in bare.state_dict().items()}
    wrong = sorted(
        name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)
    )
    if wrong:
        raise ValueError(
            f"checkpoint {checkpoint!r} is not of the config's model: {len(wrong)} entries are "
            f"missing, unexpected or of another shape, such as {wrong[:3]}; give the config that "
            "it was trained with"
        )


def _build_runner(cfg: Config) -> Runner:
    return RUNNERS.build(cfg) if "runner_type" in cfg else Runner.from_cfg(cfg)


def _metric_of(cfg: Config, out: str) -> Any:
    evaluators = cfg.test_evaluator
    for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
        if evaluator.get("type") == "mmsrdl.MultiLabelMetric":
            return evaluator
    raise ValueError(f"--out {out} needs test_evaluator=dict(type='mmsrdl.MultiLabelMetric')")


def _pretrained_of(cfg: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yields (place, checkpoint) of every ``Pretrained`` initialiser below a config."""
    if isinstance(cfg, dict):
        if cfg.get("type") == "Pretrained" and isinstance(cfg.get("checkpoint"), str):
            yield place, cfg["checkpoint"]
        for key, value in cfg.items():
            yield from _pretrained_of(value, f"{place}.{key}")
    elif isinstance(cfg, list | tuple):
        for index, value in enumerate(cfg):
            yield from _pretrained_of(value, f"{place}[{index}]")


def check_pretrained(cfg: Config) -> None:
    """Fetches the pretrained weights that a config names, before anything else is built.

    Downloads are kept by torch's hub cache, so training does not repeat them.

    Raises:
        RuntimeError: If they cannot be had; says how to give a file.
    """
    for place, checkpoint in _pretrained_of(cfg.model, "model"):
        try:
            CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
        except Exception as error:
            raise RuntimeError(
                f"the pretrained weights {place}.checkpoint={checkpoint!r} cannot be had "
                f"({type(error).__name__}: {error}). Give them as a file with --weights FILE, or "
                f"train from scratch with --cfg-options {place}=None"
            ) from error
