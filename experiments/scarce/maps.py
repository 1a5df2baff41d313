"""Globally max-pooled maps of a frozen backbone: what the frozen tier trains on."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmsrdl.datasets import FeatureMapDataset, FeatureMaps, write_feature_maps
from mmsrdl.datasets.feature_maps import fingerprint
from mmsrdl.registry import DATASETS

__all__ = ["PooledMapDataset", "pool_maps"]

PARTS = ("train", "val")


def pool_maps(maps: str | os.PathLike[str], out: str | os.PathLike[str]) -> list[FeatureMaps]:
    """Keeps the maximum of every channel over the positions of cached maps.

    A linear layer over :class:`mmsrdl.GlobalMaxPooling` gets the same numbers from either, bit for
    bit, and trains several times as fast on these.

    Args:
        maps: Folder of ``train`` and ``val`` that ``python -m experiments.frozen cache`` wrote.
        out: Folder of the pooled ones, maps [V, N, D, 1, 1].

    Returns:
        The pooled maps of the training and of the validation images.

    Raises:
        FileNotFoundError: If there are no such maps.
        FileExistsError: If pooled maps of something else are there.
        ValueError: If ``out`` is the folder of the maps.
    """
    if Path(maps).resolve() == Path(out).resolve():
        raise ValueError(f"--out {out} is the folder of the maps; give another")
    return [_pool(Path(maps, f"{part}.npz"), Path(out, f"{part}.npz")) for part in PARTS]


def _pool(path: Path, out: Path) -> FeatureMaps:
    file = FeatureMaps.load(path)
    source = {"pooling": "max", "maps": file.source}
    if out.exists():
        there = FeatureMaps.load(out)
        if there.fingerprint != fingerprint(source):
            raise FileExistsError(
                f"'{out}' was pooled from other maps than '{path}'; give another --out, or remove "
                "it"
            )
        return there
    maps = file.maps()

    def fill(pooled: np.ndarray) -> None:
        for view, of_view in enumerate(maps):
            pooled[view] = of_view.max((-2, -1), keepdims=True)

    shape = (*maps.shape[:3], 1, 1)
    return write_feature_maps(
        out, shape, fill, file.labels, file.difficult, file.classes, file.images, source
    )


@DATASETS.register_module()
class PooledMapDataset(FeatureMapDataset):
    """A :class:`FeatureMapDataset` that draws the view alone by (seed, epoch, index).

    Seeding the generators of Python, NumPy and torch for every sample, as its base does for
    pipelines that draw, takes three times as long as all else that a pooled map needs. Workers of a
    data loader that stay alive (``persistent_workers``) would not be told the epoch: use none.
    """

    def set_epoch(self, epoch: int, seed: int) -> None:
        """Makes every view a function of (seed, epoch, index)."""
        self._drawn_by = (seed, epoch)

    def __getitem__(self, idx: int) -> Any:
        """Returns the idx-th map of a view after the pipeline."""
        info = self.get_data_info(idx)
        seed = (*self._drawn_by, info["sample_idx"])
        drawn = int(np.random.SeedSequence(seed).generate_state(1)[0])
        view = 0 if self.test_mode else drawn % len(self.maps)
        # A copy, as the file is read-only.
        info["feature_map"] = torch.from_numpy(np.array(self.maps[view, info["row"]]))
        return self.pipeline(info)

    _drawn_by: tuple[int, int] = (0, 0)
