"""Training and evaluation, as the command line and Python call them."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS, METRICS, RUNNERS, DefaultScope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from mmsrdl.allocator import keep_freed_memory
from mmsrdl.apis.distributed import prepare_distributed
from mmsrdl.apis.resume import newest_checkpoint
from mmsrdl.engine import StopSignalHook
from mmsrdl.engine.saving import NotWrittenError, not_written
from mmsrdl.evaluation import MultiLabelMetric
from mmsrdl.evaluation.protocols import get_protocols


def train(cfg: Config, resume: str | None = None) -> nn.Module:
    """Trains a model.

    A run that was stopped and is resumed ends with the weights of one that was not, where the
    loop is a :class:`mmsrdl.engine.ResumableEpochLoop` or ``ResumableIterLoop``.

    Args:
        cfg: Config, see :func:`load_config`.
        resume: ``'auto'`` goes on from the newest whole checkpoint of the work
            directory, if there is one; a file, from that checkpoint.

    Returns:
        The trained model.

    Raises:
        FileNotFoundError: If a checkpoint to resume or to start from does not exist.
        ValueError: If it cannot be read as data, or is another model's.
        RuntimeError: If pretrained weights of the config cannot be had.
        NotWrittenError: If the work directory cannot be written to, such as on a full disk.
        NonFiniteError: If the loss or a gradient became NaN or infinite.
        TrainingStopped: After SIGTERM or SIGUSR1, once a checkpoint is written; it leaves the
            program with the code 75.
    """
    lines: list[str] = []
    if resume == "auto" or (resume is None and cfg.get("resume") and not cfg.get("load_from")):
        newest, lines = newest_checkpoint(cfg.work_dir)
        cfg.resume = newest is not None
        if newest is not None:
            cfg.load_from = newest
            lines.append(f"going on from {newest}")
        else:
            lines.append(f"nothing to resume in {cfg.work_dir!r}: training begins anew")
    elif resume is not None:
        cfg.resume, cfg.load_from = True, resume
    prepare_distributed(cfg)
    check_pretrained(cfg)
    with _one_clear_line(cfg.work_dir):
        runner = _build_runner(cfg)
        for line in lines:
            runner.logger.warning(line)
        try:
            model = runner.train()
        except KeyboardInterrupt:
            good = _good_checkpoint(cfg.work_dir)
            how = f"--resume goes on from {good}" if good else "no checkpoint was written so far"
            runner.logger.warning(f"interrupted after {runner.iter} iterations; {how}")
            raise
        finally:
            for hook in runner.hooks:
                if isinstance(hook, StopSignalHook):
                    hook.leave()
    # EMA gave the weights back behind autograd's version counters: drop what CARHead keeps.
    return model.train(model.training)


CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
NOT_ALLOWED = {errno.EACCES, errno.EPERM}


@contextmanager
def _one_clear_line(work_dir: str) -> Iterator[None]:
    """Makes one error of whichever file of a run could not be written first, a log or another."""
    try:
        yield
    except NotWrittenError:
        raise
    except OSError as error:
        own = str(error.filename or "").startswith(work_dir)
        if error.errno not in CANNOT_WRITE and not (own and error.errno in NOT_ALLOWED):
            raise
        raise not_written(error, work_dir, _good_checkpoint(work_dir)) from error


def _good_checkpoint(work_dir: str) -> str | None:
    try:
        return newest_checkpoint(work_dir)[0]
    except (OSError, ValueError):
        return None


def use_images(cfg: Config, images: str) -> None:
    """Chooses the images that :func:`test` evaluates.

    Args:
        cfg: The config, which is changed.
        images: ``'test'``, or ``'val'`` to take the place of the test set and its evaluator.

    Raises:
        ValueError: If ``images`` is neither.
    """
    if images not in ("test", "val"):
        raise ValueError(f"images={images!r} must be 'test' or 'val'")
    if images == "val":
        cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator


def test(
    cfg: Config,
    checkpoint: str,
    out: str | None = None,
    protocols: Sequence[str] | None = None,
) -> dict[str, float]:
    """Evaluates a checkpoint on the test set of a config; see :func:`use_images`.

    Args:
        cfg: Config, see :func:`load_config`.
        checkpoint: Checkpoint file.
        out: File (npz) for names, scores and labels of all images.
        protocols: Presets of papers, see :class:`mmsrdl.evaluation.Protocol`, in place of those of
            the config; figures of further ones have a suffix, such as ``mlr/mAP_ssgrl``.

    Returns:
        Metric names to values.

    Raises:
        ValueError: If ``out`` or ``protocols`` is given and the config has no
            ``mmsrdl.MultiLabelMetric``, there is no such protocol, or the checkpoint cannot be
            read or is another model's.
        FileNotFoundError: If the checkpoint does not exist.
    """
    if out is not None:
        _metric_of(cfg, f"--out {out}").out_file = out
    if protocols is not None:
        get_protocols(protocols)
        _metric_of(cfg, "--protocol").protocol = list(protocols)
    cfg.load_from = checkpoint
    prepare_distributed(cfg)
    cfg.resume = False
    return _build_runner(cfg).test()


HOOKS_OF_EVERY_RUN = {
    "sync_buffers": "mmsrdl.SyncBuffersHook",
    "stop_signal": "mmsrdl.StopSignalHook",
    "non_finite_guard": "mmsrdl.NonFiniteGuardHook",
    "data_guard": "mmsrdl.DataGuardHook",
    "checkpoint_guard": "mmsrdl.CheckpointGuardHook",
    "metric_model": "mmsrdl.MetricModelHook",
    "label_statistics": "mmsrdl.LabelStatisticsHook",
    "vocabulary": "mmsrdl.VocabularyHook",
    "bad_images": "mmsrdl.BadImagesHook",
}


MMENGINE_HOOKS = (
    "runtime_info", "timer", "sampler_seed", "logger", "param_scheduler", "checkpoint",
)  # fmt: skip


def _build_runner(cfg: Config) -> Runner:
    """Builds the config's runner, with the hooks that no run should be without."""
    if get_device() == "cpu":
        keep_freed_memory()
    cfg.setdefault("default_hooks", {})
    for name, kind in HOOKS_OF_EVERY_RUN.items():
        cfg.default_hooks.setdefault(name, dict(type=kind))
    _write_whole_files(cfg)
    for name in [name for name, hook in cfg.default_hooks.items() if hook is None]:
        if name not in MMENGINE_HOOKS:  # which alone may be None in MMEngine
            cfg.default_hooks.pop(name)
    return RUNNERS.build(cfg) if "runner_type" in cfg else Runner.from_cfg(cfg)


def _write_whole_files(cfg: Config) -> None:
    """Has ours take the place of MMEngine's checkpoint hooks, which it is where none is named."""
    cfg.default_hooks.setdefault("checkpoint", dict(type="CheckpointHook"))
    hooks = [cfg.default_hooks.checkpoint, *(cfg.get("custom_hooks") or [])]
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope")):
        for hook in hooks:
            kind = hook.get("type") if isinstance(hook, dict) else None
            if (HOOKS.get(kind) if isinstance(kind, str) else kind) is CheckpointHook:
                hook.type = "mmsrdl.SafeCheckpointHook"


def metric_config(cfg: Config, evaluators: Any) -> Any:
    """Finds the config of our metric among evaluators, whatever its name there.

    Args:
        cfg: The config that they are of.
        evaluators: One evaluator's config, several, or None.

    Returns:
        The first :class:`mmsrdl.MultiLabelMetric`'s, or None.
    """
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope")):
        for evaluator in evaluators if isinstance(evaluators, list) else [evaluators or {}]:
            with METRICS.switch_scope_and_registry(evaluator.get("_scope_")) as metrics:
                kind = evaluator.get("type")
                kind = metrics.get(kind) if isinstance(kind, str) else kind
            if isinstance(kind, type) and issubclass(kind, MultiLabelMetric):
                return evaluator
    return None


def _metric_of(cfg: Config, option: str) -> Any:
    """Returns the config of our metric on the test set."""
    metric = metric_config(cfg, cfg.test_evaluator)
    if metric is None:
        raise ValueError(f"{option} needs test_evaluator=dict(type='mmsrdl.MultiLabelMetric')")
    return metric


def pretrained_of(cfg: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yields (place, checkpoint) of every ``Pretrained`` initialiser below a config."""
    if isinstance(cfg, dict):
        if cfg.get("type") == "Pretrained" and isinstance(cfg.get("checkpoint"), str):
            yield place, cfg["checkpoint"]
        for key, value in cfg.items():
            yield from pretrained_of(value, f"{place}.{key}")
    elif isinstance(cfg, list | tuple):
        for index, value in enumerate(cfg):
            yield from pretrained_of(value, f"{place}[{index}]")


def check_pretrained(cfg: Config) -> None:
    """Fetches the pretrained weights that a config names, before anything else is built.

    Downloads are kept by torch's hub cache, so training does not repeat them.

    Raises:
        RuntimeError: If they cannot be had; says how to give a file.
    """
    for place, checkpoint in pretrained_of(cfg.model, "model"):
        try:
            CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
        except Exception as error:
            raise RuntimeError(
                f"the pretrained weights {place}.checkpoint={checkpoint!r} cannot be had "
                f"({type(error).__name__}: {error}). Give them as a file with --weights FILE, or "
                f"train from scratch with --cfg-options {place}=None"
            ) from error
