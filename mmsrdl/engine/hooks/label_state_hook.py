"""Tells losses with a state of the training images which images there are."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import Tensor
from torch.utils.data import DataLoader

from mmsrdl.datasets import inner_datasets
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.engine.hooks.built_loops import classes_of
from mmsrdl.evaluation.gather import gather_rows
from mmsrdl.models.losses.image_state import ImageStateLoss
from mmsrdl.registry import HOOKS

__all__ = ["LabelStateHook"]


@HOOKS.register_module()
class LabelStateHook(Hook):
    """Serves every :class:`ImageStateLoss` of a model, such as ROLE; without one it does nothing.

    Before training it gives the loss the labels of the training set, as they are observed; before
    an epoch a means to predict them by the current model; before an iteration the places of the
    batch's images, by ``sample_idx``. Wrappers are looked through, down to the one data set that
    counts the samples: wrapped labels must be that data set's. An epoch of an
    ``IterBasedTrainLoop`` is one pass over the data. Predictions are made of the training
    pipeline's images in evaluation mode, spread over all processes.

    Raises:
        ValueError: In ``before_train``, if several data sets are joined, which count their samples
            each from 0, classes have no names, labels are none of 1, 0 and -1, or images are mixed;
            in ``before_train_iter``, if a sample has no ``sample_idx``.
    """

    def __init__(self) -> None:
        self._losses: list[ImageStateLoss] = []
        self._epoch = -1

    def before_train(self, runner: Runner) -> None:
        """Gives the losses the training set."""
        parts = bare_model(runner).modules()
        self._losses = [part for part in parts if isinstance(part, ImageStateLoss)]
        self._epoch = -1
        if not self._losses:
            return
        _check_unmixed(bare_model(runner))
        dataset, classes = _counted(runner), classes_of(runner.train_loop)
        if not classes:
            raise ValueError(
                "train_dataloader.dataset names no classes; give it metainfo=dict(classes=[...])"
            )
        labels, paths = [], []
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            labels.append(_labels(info, len(classes)))
            paths.append(str(info.get("img_path") or ""))
        images = _below_common_folder(paths)
        for loss in self._losses:
            loss.start(torch.from_numpy(np.stack(labels)), images, classes)

    def before_train_epoch(self, runner: Runner) -> None:
        """Lets the losses bring their state up to date."""
        self._start_epoch(runner)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Sequence[dict] | dict | None = None
    ) -> None:
        """Tells the losses the images of the batch."""
        if not self._losses:
            return
        self._start_epoch(runner)  # of loops that know no epochs
        index = _sample_indices(data_batch)
        for loss in self._losses:
            loss.set_images(index)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Sequence[dict] | dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Takes the images back, so that no other batch is taken for them."""
        for loss in self._losses:
            loss.set_images(None)

    def _start_epoch(self, runner: Runner) -> None:
        if not self._losses:
            return
        epoch, epochs = _place(runner)
        if epoch == self._epoch:
            return
        self._epoch = epoch
        for loss in self._losses:
            loss.start_epoch(epoch, epochs, lambda: _predict(runner))


def _place(runner: Runner) -> tuple[int, int]:
    """Returns the epoch, from 0, and how many there are."""
    if not isinstance(runner.train_loop, IterBasedTrainLoop):
        return runner.epoch, runner.max_epochs
    length = len(runner.train_dataloader)
    return runner.iter // length, -(-runner.max_iters // length)


def _check_unmixed(model: Any) -> None:
    """Refuses augmentation after which an image of a batch is no image of the training set."""
    if getattr(model.data_preprocessor, "batch_augments", None) is not None:
        raise ValueError(
            "model.train_cfg.augments mixes images, and a loss with a state of the training images "
            "has none of mixtures; leave it out"
        )


def _counted(runner: Runner) -> Any:
    """Returns the data set whose samples ``sample_idx`` counts."""
    found = list(inner_datasets(runner.train_dataloader.dataset))
    if len(found) > 1:
        raise ValueError(
            f"train_dataloader.dataset joins {len(found)} data sets, which count their samples "
            "each from 0, and a loss with a state of the training images cannot tell them apart; "
            "make one annotation file of them"
        )
    return found[0]


def _labels(info: dict, num_classes: int) -> np.ndarray:
    """Returns the labels of a data info, int8 [C]."""
    labels = info.get("gt_score")
    if labels is None:
        labels = np.zeros(num_classes)
        labels[info["gt_label"]] = 1
    if not np.isin(labels, (-1, 0, 1)).all():
        raise ValueError(
            f"gt_score of image '{info.get('img_path', '')}' must be 1, 0 or -1 (unknown) for a "
            "loss with a state of the training images; give no soft labels"
        )
    return np.asarray(labels).astype(np.int8)


def _below_common_folder(paths: list[str]) -> tuple[str, ...]:
    """Returns paths below the folder that all are in, which is another on each machine."""
    parts = [path.replace("\\", "/").split("/") for path in paths]
    levels = zip(*(part[:-1] for part in parts), strict=False)
    common = sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, levels))
    return tuple("/".join(part[common:]) for part in parts)


def _sample_indices(data_batch: Any) -> Tensor:
    samples = data_batch["data_samples"]
    if any("sample_idx" not in sample for sample in samples):
        raise ValueError(
            "a sample of the batch has no sample_idx, by which a loss knows the training image; "
            "let PackInputs keep it (meta_keys), and use data sets of MMEngine"
        )
    return torch.tensor([int(sample.sample_idx) for sample in samples])


@torch.no_grad()
def _predict(runner: Runner) -> Tensor:
    """Computes the logits of all training images, float32 [N, C], on the CPU."""
    dataset, model, given = _counted(runner), bare_model(runner), runner.train_dataloader
    training, places = model.training, range(runner.rank, len(dataset), runner.world_size)
    loader = DataLoader(
        dataset,
        batch_size=given.batch_size or 1,
        sampler=places,
        num_workers=given.num_workers,
        collate_fn=given.collate_fn,
        worker_init_fn=given.worker_init_fn,
        multiprocessing_context=given.multiprocessing_context,
        generator=torch.Generator(),  # the run's own would go on by a number
    )
    model.eval()
    parts = []
    for batch in loader:
        parts.append(model(**model.data_preprocessor(batch), mode="tensor").float())
    model.train(training)
    everything = gather_rows(torch.cat(parts))
    logits = torch.empty(len(dataset), everything[0].shape[1])
    for rank, part in enumerate(everything):
        logits[rank :: runner.world_size] = part.cpu()
    return logits
