from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import (
    ClassBalancedDataset,
    ConcatDataset,
    RepeatDataset,
    default_collate,
    worker_init_fn,
)
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset, Subset

from mmsrdl.datasets import MultiLabelDataset, SeededSampler
from mmsrdl.registry import DATA_SAMPLERS

PIPELINE = [
    {"type": "mmpretrain.LoadImageFromFile"},
    {"type": "mmpretrain.RandomCrop", "crop_size": 24},  # numpy's generator
    {"type": "mmsrdl.MultiScaleCrop", "sizes": (24, 20, 16)},  # torch's generator
    {"type": "mmpretrain.Resize", "scale": (16, 16)},
    {"type": "mmpretrain.RandomFlip", "prob": 0.5, "direction": "horizontal"},
    {"type": "mmpretrain.PackInputs"},
]


def build(root: Path, **kwargs: Any) -> MultiLabelDataset:
    return MultiLabelDataset(
        data_root=str(root),
        ann_file="ann.json",
        data_prefix="images",
        **{"pipeline": PIPELINE, **kwargs},
    )


def two_epochs(root: Path, num_workers: int, persistent: bool, **kwargs: Any) -> list[list[Any]]:
    """Return (index, image) of every sample of two epochs, in order of delivery."""
    dataset = build(root)
    sampler = SeededSampler(dataset, seed=7)
    loader = DataLoader(
        dataset,
        batch_size=2,
        sampler=sampler,
        num_workers=num_workers,
        persistent_workers=persistent,
        collate_fn=default_collate,
        **kwargs,
    )
    epochs = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        samples = []
        for batch in loader:
            indices = [sample.sample_idx for sample in batch["data_samples"]]
            samples += list(zip(indices, batch["inputs"].clone(), strict=True))
        epochs.append(samples)
    return epochs


def assert_same(first: list[list[Any]], second: list[list[Any]]) -> None:
    for ours, theirs in zip(first, second, strict=True):
        for (i, image), (j, other) in zip(ours, theirs, strict=True):
            assert i == j
            torch.testing.assert_close(image, other, rtol=0, atol=0)


@pytest.mark.parametrize(("num_workers", "persistent"), [(1, False), (2, False), (2, True)])
def test_images_do_not_depend_on_workers(
    openmmlab_root: Path, num_workers: int, persistent: bool
) -> None:
    torch.manual_seed(0)
    expected = two_epochs(openmmlab_root, 0, False)
    torch.manual_seed(1)
    assert_same(expected, two_epochs(openmmlab_root, num_workers, persistent))


def test_epochs_differ(openmmlab_root: Path) -> None:
    first, second = (dict(epoch) for epoch in two_epochs(openmmlab_root, 0, False))
    assert set(first) == set(second) == set(range(8))
    changed = [i for i in range(8) if not torch.equal(first[i], second[i])]
    assert len(changed) >= 6


@pytest.mark.slow
def test_spawned_workers_see_the_epoch(openmmlab_root: Path) -> None:
    expected = two_epochs(openmmlab_root, 0, False)
    spawned = two_epochs(openmmlab_root, 1, True, multiprocessing_context="spawn")
    assert_same(expected, spawned)


def test_stock_worker_seeding_is_overruled(openmmlab_root: Path) -> None:
    def init(worker_id: int) -> None:
        worker_init_fn(worker_id, num_workers=2, rank=0, seed=99)

    expected = two_epochs(openmmlab_root, 0, False)
    assert_same(expected, two_epochs(openmmlab_root, 2, False, worker_init_fn=init))


def test_main_process_generators_are_not_disturbed(openmmlab_root: Path) -> None:
    dataset = build(openmmlab_root)
    SeededSampler(dataset, seed=7)
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(4), np.random.rand(4)
    torch.manual_seed(3)
    np.random.seed(3)
    for i in range(len(dataset)):
        dataset[i]
    torch.testing.assert_close(torch.rand(4), expected[0], rtol=0, atol=0)
    np.testing.assert_array_equal(np.random.rand(4), expected[1])


def draw(results: dict) -> float:
    return float(torch.rand(()))


class Sliced:
    """As MMEngine's wrapper for `num_batch_per_epoch`."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, idx: int) -> Any:
        return self._dataset[idx]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda a, b: ConcatDataset([a, b]),
        lambda a, b: Sliced(ConcatDataset([a, b])),
        lambda a, b: Subset(ConcatDataset([a, b]), [0, 9]),
    ],
)
def test_epoch_reaches_all_data_sets_through_wrappers(openmmlab_root: Path, wrap: Any) -> None:
    inner = [build(openmmlab_root, pipeline=[draw]) for _ in range(2)]
    sampler = SeededSampler(wrap(*inner), seed=7)
    first = [dataset[1] for dataset in inner]
    assert [dataset[1] for dataset in inner] == first
    sampler.set_epoch(1)
    second = [dataset[1] for dataset in inner]
    assert all(a != b for a, b in zip(first, second, strict=True))
    sampler.set_epoch(0)
    assert [dataset[1] for dataset in inner] == first


@pytest.mark.parametrize(
    "wrap",
    [
        lambda a: RepeatDataset(a, times=2),
        lambda a: ClassBalancedDataset(a, oversample_thr=0.9),
    ],
)
def test_epoch_reaches_the_data_set_through_repeaters(openmmlab_root: Path, wrap: Any) -> None:
    dataset = build(openmmlab_root, pipeline=[draw])
    wrapped = wrap(dataset)
    assert len(wrapped) > len(dataset)
    sampler = SeededSampler(wrapped, seed=7)
    first = dataset[1]
    assert dataset[1] == first
    sampler.set_epoch(1)
    assert dataset[1] != first


def test_data_set_that_cannot_be_seeded_is_refused() -> None:
    class Other(Dataset):
        def __len__(self) -> int:
            return 3

    with pytest.raises(TypeError, match=r"Other holds no mmsrdl.MultiLabelDataset.*DefaultSampler"):
        SeededSampler(Other(), seed=0)


def test_is_registered() -> None:
    assert DATA_SAMPLERS.get("SeededSampler") is SeededSampler


class Recorder(BaseModel):
    """Records (index, image) of every training sample."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[int, torch.Tensor]] = []

    def forward(self, inputs: Any, data_samples: Any, mode: str = "loss") -> dict:
        indices = [sample.sample_idx for sample in data_samples]
        self.seen += list(zip(indices, inputs, strict=True))
        return {"loss": self.weight * 1.0}


@pytest.mark.parametrize("by_epoch", [True, False])
def test_both_loops_of_a_runner_advance_the_epoch(
    openmmlab_root: Path, tmp_path: Path, by_epoch: bool
) -> None:
    loop = {"max_epochs": 2} if by_epoch else {"max_iters": 8}
    model = Recorder()
    runner = Runner(
        model,
        work_dir=str(tmp_path / "work"),
        train_dataloader={
            "dataset": build(openmmlab_root),
            "sampler": {"type": "mmsrdl.SeededSampler"},
            "batch_size": 2,
            "num_workers": 1,
            "persistent_workers": True,
            "collate_fn": {"type": "default_collate"},
        },
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        train_cfg={"by_epoch": by_epoch, **loop},
        default_scope="mmpretrain",
        randomness={"seed": 7},
        experiment_name=f"seeded_sampler_{by_epoch}",
        log_level="WARNING",
    )
    runner.train()
    assert_same(two_epochs(openmmlab_root, 0, False), [model.seen[:8], model.seen[8:]])
