"""Writes the maps of a config's backbone: the frozen tier's data."""

import hashlib
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, MODELS
from torch import nn
from torch.utils.data import DataLoader

from mmsrdl.apis.report import no_report
from mmsrdl.apis.run import check_pretrained, pretrained_of
from mmsrdl.arguments import check_integer
from mmsrdl.datasets import (
    FeatureMaps,
    MultiLabelDataset,
    VOCMultiLabel,
    cooccurrence_matrix,
    default_collate,
    save_cooccurrence,
    write_feature_maps,
)
from mmsrdl.datasets.feature_maps import fingerprint

__all__ = ["cache_maps"]


def cache_maps(
    cfg: Config,
    out: str | os.PathLike[str],
    views: int = 4,
    batch_size: int = 32,
    workers: int = 0,
    seed: int = 0,
    device: str = "cpu",
) -> list[FeatureMaps]:
    """Runs a config's backbone over its training and validation images and keeps the maps.

    View 0 has the test pipeline, further views of the training images have the config's own
    augmentation, drawn by (seed, view, index). Files that are there and were made of the same are
    left as they are, and each file is written as a whole or not at all, so that a stopped call can
    be repeated. Label counts of the training images go to ``cooccurrence.npz``.

    Args:
        cfg: See :func:`mmsrdl.apis.load_config`; its backbone must have pretrained weights.
        out: Folder of ``train`` and ``val``, see :class:`mmsrdl.datasets.FeatureMaps`.
        views: V, how often a training image is kept.
        batch_size: Images at a time.
        workers: Processes that read images.
        seed: Seed of the augmentation.
        device: Where the backbone computes.

    Returns:
        The maps of the training and of the validation images.

    Raises:
        FileExistsError: If maps of something else are there.
        ValueError: If the backbone has no weights, a data set is not of ours, or a map cannot be
            kept in half precision.
    """
    check_integer("views", views, low=1, example=4)
    check_integer("batch_size", batch_size, low=1, example=32)
    model = _backbone_of(cfg).to(device).eval()
    weights = _digest(model.backbone)
    written = []
    for part in ("train", "val"):
        plain = _dataset_of(cfg, part, **_as_tested(cfg))
        shown = [plain]
        if part == "train":
            augmented = _dataset_of(cfg, part)
            _same_images(plain, augmented)
            shown += [augmented] * (views - 1)
            Path(out).mkdir(parents=True, exist_ok=True)
            counts = cooccurrence_matrix(augmented)
            save_cooccurrence(Path(out, "cooccurrence.npz"), augmented.CLASSES, counts)
        images = [
            os.path.relpath(plain.get_data_info(i)["img_path"], plain.img_prefix)
            for i in range(len(plain))
        ]
        source = {
            "part": part,
            "backbone": {k: v for k, v in cfg.model.backbone.items() if k != "init_cfg"},
            "weights": weights,
            "data_preprocessor": dict(cfg.get("data_preprocessor") or {}),
            "pipelines": [cfg[f"{each}_dataloader"].dataset.pipeline for each in ("val", part)],
            "views": len(shown),
            "seed": seed,
            "images": fingerprint([images, plain.get_gt_labels().tolist()]),
        }
        path = Path(out, f"{part}.npz")
        if path.exists():
            written.append(_the_same(path, source))
            continue
        loaders = [
            _batches(dataset, view, seed, batch_size, workers) for view, dataset in enumerate(shown)
        ]
        with torch.inference_mode():
            first = default_collate([plain[0]])
            shape = (len(shown), len(plain), *_maps_of(model, first)[0].shape)
            labels, difficult = _labels_of(plain, cfg, part)
            start = time.perf_counter()
            written.append(
                write_feature_maps(
                    path,
                    shape,
                    partial(_fill, model=model, loaders=loaders),
                    labels,
                    difficult,
                    plain.CLASSES,
                    images,
                    source,
                )
            )
        rate = shape[0] * shape[1] / (time.perf_counter() - start)
        print(f"{path}: maps {list(shape)}, {rate:.1f} images/s", flush=True)
    return written


def _backbone_of(cfg: Config) -> Any:
    """Builds the model of a config without neck and head, with the pretrained weights."""
    if not list(pretrained_of(cfg.model.backbone, "model.backbone")):
        raise ValueError(
            f"the backbone {cfg.model.backbone.type} has no pretrained weights, and maps of "
            "random ones say nothing; give them with --weights FILE"
        )
    check_pretrained(cfg)
    scope = cfg.get("default_scope") or "mmpretrain"
    with DefaultScope.overwrite_default_scope(scope), no_report():
        parts = {**cfg.model, "neck": None, "head": None}
        model = MODELS.build({"data_preprocessor": cfg.get("data_preprocessor"), **parts})
        model.init_weights()
    return model.to(memory_format=torch.channels_last)


def _digest(backbone: nn.Module) -> str:
    """Returns 16 hexadecimal digits of the SHA-256 of the backbone's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(backbone.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _as_tested(cfg: Config) -> dict[str, Any]:
    return dict(test_mode=True, pipeline=cfg.val_dataloader.dataset.pipeline)


def _dataset_of(cfg: Config, part: str, **changes: Any) -> MultiLabelDataset:
    """Builds the data set of a loader with other arguments."""
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or "mmpretrain"):
        # A map of another image in the place of a bad one would be kept under its name.
        own = dict(cfg[f"{part}_dataloader"].dataset)
        own.pop("on_bad_image", None)
        built: Any = DATASETS.build({**own, **changes})
    if not isinstance(built, MultiLabelDataset):
        raise ValueError(
            f"{part}_dataloader.dataset is a {type(built).__name__}, and maps are kept of an "
            "mmsrdl.MultiLabelDataset, without wrappers"
        )
    return built


def _same_images(plain: MultiLabelDataset, augmented: MultiLabelDataset) -> None:
    paths = [
        [dataset.get_data_info(i)["img_path"] for i in range(len(dataset))]
        for dataset in (plain, augmented)
    ]
    if paths[0] != paths[1]:
        raise ValueError(
            "train_dataloader.dataset shows other images with test_mode=True, of which there can "
            "be no plain view; take filter_cfg out of it"
        )


def _labels_of(plain: MultiLabelDataset, cfg: Config, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels and difficult entries as :class:`FeatureMaps` holds them."""
    labels = plain.get_gt_labels().astype(np.int8)
    if not isinstance(plain, VOCMultiLabel):
        return labels, np.zeros(labels.shape, dtype=np.bool_)
    labels, negative = (
        _dataset_of(cfg, part, difficult=policy, pipeline=[]).get_gt_labels().astype(np.int8)
        for policy in ("unknown", "negative")
    )
    return labels, labels != negative


def _the_same(path: Path, source: dict[str, Any]) -> FeatureMaps:
    """Returns the maps that are there, if they were made of the same."""
    there = FeatureMaps.load(path)
    differ = sorted(
        key
        for key in source.keys() | there.source.keys()
        if fingerprint(source.get(key)) != fingerprint(there.source.get(key))
    )
    if differ:
        raise FileExistsError(
            f"'{path}' holds maps that differ in {', '.join(differ)}; give another --out, or "
            "remove it"
        )
    print(f"{path}: is there", flush=True)
    return there


def _batches(
    dataset: MultiLabelDataset, view: int, seed: int, batch_size: int, workers: int
) -> Iterator[tuple[int, int, dict]]:
    """Yields view, place of the first image, and a batch."""
    dataset.set_epoch(view, seed)
    loader: DataLoader = DataLoader(
        dataset, batch_size=batch_size, num_workers=workers, collate_fn=default_collate
    )
    for number, batch in enumerate(loader):
        yield view, number * batch_size, batch


def _maps_of(model: Any, batch: dict) -> torch.Tensor:
    inputs = model.data_preprocessor(batch, training=False)["inputs"]
    return model.extract_feat(inputs, stage="backbone")[-1]


def _fill(maps: np.ndarray, model: nn.Module, loaders: list[Iterator]) -> None:
    for loader in loaders:
        for view, start, batch in loader:
            found = _maps_of(model, batch).half()
            if not bool(found.isfinite().all()):
                raise ValueError(
                    f"maps of images {start} to {start + len(found) - 1} leave the range of half "
                    "precision, 65504; this backbone cannot be cached"
                )
            maps[view, start : start + len(found)] = found.cpu().numpy()
