"""What the metrics keep of data samples: a few tensors."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmsrdl.evaluation.functional.validation import check_targets

DIFFICULT = -2
"""Target of a class of which an image holds only difficult objects."""
BAD_IMAGE = -3
"""Target of all classes of an image that could not be loaded."""


class ScoredBatch(NamedTuple):
    """Scores and targets of n images.

    Attributes:
        scores: [n, C], float32 or float64.
        targets: [n, C], int8 of 1 (positive), 0 (negative), -1 (unknown) and -2 (difficult);
            -3 in the whole row of an image that could not be loaded.
        sample_idx: [n], int64; the index in the data set, -1 where a sample has none.
        img_paths: n paths, '' where a sample has none.
    """

    scores: Tensor
    targets: Tensor
    sample_idx: Tensor
    img_paths: list[str]

    @classmethod
    def from_samples(cls, samples: Sequence[Mapping[str, Any]]) -> "ScoredBatch":
        """Read data samples that were turned into dicts.

        Args:
            samples: At least one, each with ``pred_score`` [C] and ``gt_score`` [C], or
                ``gt_label`` (class indices) in place of the latter. Classes in
                ``gt_label_difficult`` that are not positive become -2, and -1 those of them
                that are in ``gt_label_unknown``, too. ``is_bad_image`` marks those that only
                keep the place of an image that could not be loaded.

        Raises:
            ValueError: A field is missing or malformed.
        """
        scores = [_pred_score(sample) for sample in samples]
        if len({len(score) for score in scores}) > 1:
            sizes = sorted({len(score) for score in scores})
            raise ValueError(f"pred_score must have one length in all samples, got {sizes}")
        stacked = torch.stack(scores)
        if stacked.dtype != torch.float64:
            stacked = stacked.float()
        targets = _stack([_target(s, stacked.shape[1]) for s in samples])
        check_targets(targets)
        targets = targets.to(stacked.device, torch.int8)
        for key, value in (("gt_label_difficult", DIFFICULT), ("gt_label_unknown", -1)):
            for row, sample in enumerate(samples):
                if sample.get(key) is not None:
                    marked = _class_indices(sample, key, stacked.shape[1]).to(targets.device)
                    targets[row, marked[targets[row, marked] != 1]] = value
        bad = [row for row, sample in enumerate(samples) if sample.get("is_bad_image")]
        targets[bad] = BAD_IMAGE
        index = [-1 if s.get("sample_idx") is None else int(s["sample_idx"]) for s in samples]
        return cls(
            scores=stacked,
            targets=targets,
            sample_idx=torch.tensor(index, device=stacked.device),
            img_paths=[str(s.get("img_path") or "") for s in samples],
        )

    @classmethod
    def concat(cls, batches: Sequence["ScoredBatch"]) -> "ScoredBatch":
        """Join at least one batch in order; one alone is not copied.

        Raises:
            ValueError: The batches differ in their number of classes.
        """
        if len(batches) == 1:
            return batches[0]
        sizes = sorted({batch.scores.shape[1] for batch in batches})
        if len(sizes) > 1:
            raise ValueError(f"pred_score must have one length in all samples, got {sizes}")
        return cls(
            scores=torch.cat([batch.scores for batch in batches]),
            targets=torch.cat([batch.targets for batch in batches]),
            sample_idx=torch.cat([batch.sample_idx for batch in batches]),
            img_paths=[path for batch in batches for path in batch.img_paths],
        )

    def to(self, device: torch.device | str) -> "ScoredBatch":
        """Move the tensors to a device."""
        return ScoredBatch(
            scores=self.scores.to(device),
            targets=self.targets.to(device),
            sample_idx=self.sample_idx.to(device),
            img_paths=self.img_paths,
        )

    def without_bad_images(self) -> tuple["ScoredBatch", int]:
        """Leave out the images that could not be loaded.

        Returns:
            The others, and how many were left out.

        Raises:
            ValueError: None could be loaded.
        """
        is_bad = self.targets[:, 0] == BAD_IMAGE
        number = int(is_bad.sum())
        if number and number == len(is_bad):
            raise ValueError(
                f"none of the {number} images could be loaded, so that there is nothing to "
                "measure; check data_root and data_prefix of the data set"
            )
        return (self.rows((~is_bad).nonzero().flatten()), number) if number else (self, 0)

    def labels(self) -> tuple[Tensor, Tensor | None]:
        """Return targets [n, C] of 1, 0 and -1, and which of -1 are difficult, bool [n, C].

        None stands for no difficult entry; then the targets are not copied.
        """
        if not self.targets.numel() or self.targets.min() > DIFFICULT:
            return self.targets, None
        return self.targets.clamp(min=-1), self.targets == DIFFICULT

    def rows(self, index: Tensor) -> "ScoredBatch":
        """Keep the rows [m] in the given order."""
        paths = [self.img_paths[i] for i in index.tolist()]
        return ScoredBatch(self.scores[index], self.targets[index], self.sample_idx[index], paths)


def _pred_score(sample: Mapping[str, Any]) -> Tensor:
    score = sample.get("pred_score")
    if score is None:
        raise ValueError(
            "a data sample has no pred_score; give the model a multi-label head, whose predict() "
            "sets it"
        )
    score = torch.as_tensor(score).detach()
    if score.ndim != 1:
        raise ValueError(f"pred_score must have the shape [C], got {list(score.shape)}")
    return score


def _target(sample: Mapping[str, Any], num_classes: int) -> Tensor:
    """Target [C] of 1, 0 and -1, not yet checked."""
    if sample.get("gt_score") is not None:
        target = torch.as_tensor(sample["gt_score"]).detach()
        if target.shape != (num_classes,):
            raise ValueError(
                f"gt_score must have the length {num_classes} of pred_score, got the shape "
                f"{list(target.shape)}; set num_classes of the head, and the classes of its "
                "embedder, to those of the data set"
            )
    elif sample.get("gt_label") is not None:
        target = torch.zeros(num_classes)
        target[_class_indices(sample, "gt_label", num_classes)] = 1
    else:
        raise ValueError(
            "a data sample has neither gt_score nor gt_label; let the data set give one of them "
            "and PackInputs pack it"
        )
    return target


def _stack(targets: list[Tensor]) -> Tensor:
    """Targets [n, C]; one copy between devices, if any, is left to the caller."""
    if len({target.device for target in targets}) > 1:
        targets = [target.cpu() for target in targets]
    return torch.stack(targets)


def _class_indices(sample: Mapping[str, Any], key: str, num_classes: int) -> Tensor:
    value = sample[key]
    index = value.cpu() if isinstance(value, Tensor) else torch.tensor(list(value))
    index = index.flatten().long()
    if len(index) and not (index.min() >= 0 and index.max() < num_classes):
        raise ValueError(
            f"{key} must hold class indices in 0, ..., {num_classes - 1}, got {index.tolist()}; "
            "set num_classes of the head, and the classes of its embedder, to those of the data set"
        )
    return index
