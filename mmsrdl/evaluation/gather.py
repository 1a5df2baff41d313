"""Exchange of scores between the processes of a distributed evaluation."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather, broadcast_object_list, is_main_process
from torch import Tensor

from mmsrdl.evaluation.batch import ScoredBatch


def gather_batch(local: ScoredBatch | None, size: int, with_paths: bool = False) -> ScoredBatch:
    """Bring the samples of all processes together, every sample once, on every process.

    Only tensors travel, padded to the largest number of rows a process holds. Samples that a
    sampler repeated to give every process as many are dropped: by ``sample_idx`` if every sample
    has one and they are distinct in the data set, otherwise by the order of MMEngine's
    DefaultSampler (round robin over the processes, the repeated samples last).

    Args:
        local: The samples of this process, None without any.
        size: Number of samples of the data set.
        with_paths: Whether to exchange ``img_paths`` too; they are '' otherwise.

    Returns:
        In the order of the data set.

    Raises:
        ValueError: No process has a sample, or their numbers of classes differ.
    """
    num_classes, dtype, path_size = _agree(local)
    if local is None:
        local = ScoredBatch(
            scores=torch.empty(0, num_classes),
            targets=torch.empty(0, num_classes, dtype=torch.int8),
            sample_idx=torch.empty(0, dtype=torch.int64),
            img_paths=[],
        )
    scores = gather_rows(local.scores.to(dtype))
    everything = ScoredBatch(
        scores=_join(scores),
        targets=_join(gather_rows(local.targets)),
        sample_idx=_join(gather_rows(local.sample_idx)),
        img_paths=[""] * sum(map(len, scores)),
    )
    if with_paths:
        paths = gather_rows(_encode(local.img_paths, path_size).to(local.scores.device))
        everything = everything._replace(img_paths=_decode(torch.cat(paths)))
    kept = _kept(everything.sample_idx, [len(s) for s in scores], size)
    if torch.equal(kept, torch.arange(len(everything.scores), device=kept.device)):
        return everything
    return everything.rows(kept)


def on_main_process(compute: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Compute figures on the main process, and return them on every process.

    Args:
        compute: Called on the main process alone. What it raises is raised on every process: the
            others would wait for the figures forever.
    """
    outcome: list[Any] = [None]
    if is_main_process():
        try:
            outcome = [compute()]
        except Exception as error:
            outcome = [error]
    broadcast_object_list(outcome)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def gather_rows(rows: Tensor) -> list[Tensor]:
    """Gather tensors that differ in their number of rows.

    Args:
        rows: [n, ...]; n may differ between the processes and be 0, the rest may not.

    Returns:
        The tensor of every process, in the order of the ranks.
    """
    counts = torch.cat(all_gather(torch.tensor([len(rows)], device=rows.device))).tolist()
    if max(counts) == 0:
        return [rows for _ in counts]
    padded = rows
    if min(counts) < max(counts):
        padded = rows.new_zeros(max(counts), *rows.shape[1:])
        padded[: len(rows)] = rows
    return [part[:count] for part, count in zip(all_gather(padded), counts, strict=True)]


def _join(parts: list[Tensor]) -> Tensor:
    """The rows of all parts; of one part without a copy, as many classes fill the memory."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _agree(local: ScoredBatch | None) -> tuple[int, torch.dtype, int]:
    """Number of classes, type of the scores and longest path, the same on every process."""
    header = torch.zeros(1, 4, dtype=torch.int64)
    if local is not None:
        longest = max(len(os.fsencode(path)) for path in local.img_paths)
        is_double = local.scores.dtype == torch.float64
        header[0] = torch.tensor([len(local.scores), local.scores.shape[1], is_double, longest])
    headers = torch.cat(all_gather(header))
    headers = headers[headers[:, 0] > 0]
    if not len(headers):
        raise ValueError(
            "no sample was evaluated: the data loader of this evaluation is empty; check the "
            "annotation file and the split of its data set"
        )
    sizes = sorted(set(headers[:, 1].tolist()))
    if len(sizes) > 1:
        raise ValueError(f"pred_score must have one length on all processes, got {sizes}")
    dtype = torch.float64 if headers[:, 2].any() else torch.float32
    return sizes[0], dtype, max(1, int(headers[:, 3].max()))


def _kept(sample_idx: Tensor, counts: list[int], size: int) -> Tensor:
    """Rows to keep of the processes' samples, which follow one another: every sample once.

    Args:
        sample_idx: [n], -1 where a sample has none.
        counts: Number of samples of every process; their sum is n.
        size: Number of samples of the data set.
    """
    if (sample_idx >= 0).all():
        ordered, order = sample_idx.sort(stable=True)
        first = torch.ones_like(ordered, dtype=torch.bool)
        first[1:] = ordered[1:] != ordered[:-1]
        # Fewer indices than samples: a ConcatDataset, whose parts each count from 0.
        if int(first.sum()) >= size:
            return order[first]
    place = [i * len(counts) + rank for rank, n in enumerate(counts) for i in range(n)]
    return torch.tensor(place, device=sample_idx.device).argsort()[:size]


def _encode(paths: list[str], length: int) -> Tensor:
    """Paths as bytes [n, length], uint8, filled up with zeros."""
    raw = np.array([os.fsencode(path) for path in paths], dtype=f"S{length}")
    return torch.from_numpy(raw.view(np.uint8).reshape(len(paths), length).copy())


def _decode(raw: Tensor) -> list[str]:
    rows = np.ascontiguousarray(raw.cpu().numpy())
    return [os.fsdecode(path) for path in rows.view(f"S{rows.shape[1]}").ravel().tolist()]
