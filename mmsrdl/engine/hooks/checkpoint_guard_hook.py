"""A guard between a checkpoint and a model that it does not fit."""

import os

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmsrdl.checkpoint import (
    TEXT_SIDE,
    TRAINING_STATE,
    check_settings,
    fill_model,
    state_dict_of,
    trained_classes,
)
from mmsrdl.datasets.class_names import first_difference
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.engine.hooks.built_loops import built_loops, classes_of
from mmsrdl.engine.hooks.vocabulary_hook import follows_vocabulary
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Refuses another model's checkpoint, of which MMEngine would load what fits.

    To evaluate and to resume, every entry must be there in its shape, and the class names must be
    the data's; to evaluate, position embeddings may be of another image size where the backbone
    resizes them. To begin training from (``load_from``), a checkpoint of another number of classes
    may fill what it fits, as is usual, but not one of as many other classes, whose heads would be
    taken for each other.

    Raises:
        ValueError: When a checkpoint is loaded that does not fit.
    """

    priority = "VERY_HIGH"  # before EMAHook takes its share

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compares a checkpoint that was read with the model and the data."""
        path = runner._load_from
        state = state_dict_of(checkpoint, path)
        if runner._resume:
            lacking = sorted(TRAINING_STATE - checkpoint.keys())
            if lacking:
                raise ValueError(
                    f"checkpoint {path!r} cannot be resumed, it lacks {', '.join(lacking)}; resume "
                    "from an epoch_N.pth or iter_N.pth, or start from its weights with "
                    f"--cfg-options load_from={path}"
                )
            _keep_own_files(runner, checkpoint)
        found = {name.removeprefix("module."): value for name, value in state.items()}
        checkpoint.setdefault("state_dict", state)  # EMAHook looks nowhere else
        model, trains = bare_model(runner), isinstance(runner._train_loop, BaseLoop)
        if runner._resume or trains:
            _check_entries(found, model.state_dict(), path, runner._resume)
        else:
            fill_model(model, found, path)
            check_settings(checkpoint, runner.cfg.get("model"), path)
        _leave_text_side(checkpoint["state_dict"], model.state_dict())
        self._check_classes(runner, checkpoint, runner._resume or not trains)

    def _check_classes(self, runner: Runner, checkpoint: dict, exact: bool) -> None:
        names = trained_classes(checkpoint)
        for stage, loop in built_loops(runner):
            classes = classes_of(loop)
            free = follows_vocabulary(runner) and not (runner._resume and stage == "train")
            if not names or not classes or names == classes or free:
                continue
            if exact or len(names) == len(classes):
                raise ValueError(
                    f"checkpoint {runner._load_from!r} was trained on other classes than those of "
                    f"{stage}_dataloader: {first_difference(names, classes)}; give the data set "
                    "its classes in their order, or take only its backbone with --weights"
                )


def _check_entries(found: dict, wanted: dict, path: str, exact: bool) -> None:
    """Raises unless all entries have the model's shapes, or, where some suffice, one of them."""
    wrong = sorted(
        name
        for name in found.keys() | wanted.keys()
        if getattr(found.get(name), "shape", None) != getattr(wanted.get(name), "shape", None)
        and not (name.endswith("num_batches_tracked") and name not in found)
    )
    if wrong and (exact or not found.keys() & (wanted.keys() - set(wrong))):
        raise ValueError(
            f"checkpoint {path!r} is not of the config's model: {len(wrong)} entries are "
            f"missing, unexpected or of another shape, such as {wrong[:3]}; give the config "
            "that it was trained with"
        )


def _leave_text_side(state: dict, wanted: dict) -> None:
    """Takes CLIP's text encoder away: MMEngine would list each of its entries as a misfit."""
    for name in [name for name in state if name.startswith(TEXT_SIDE) and name not in wanted]:
        state.pop(name)


def _keep_own_files(runner: Runner, checkpoint: dict) -> None:
    """Forgets best checkpoints of other folders: MMEngine deletes what the file names."""
    info = checkpoint["message_hub"].get("runtime_info", {})
    own = os.path.realpath(runner.work_dir)
    for name in [name for name in info if name.startswith("best_ckpt")]:
        path = info[name]
        if not isinstance(path, str) or os.path.dirname(os.path.realpath(path)) != own:
            info.pop(name)
