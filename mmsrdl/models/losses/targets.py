"""Labels of a batch as one tensor."""

import torch
from mmpretrain.structures import DataSample, label_to_onehot
from torch import Tensor


def stack_targets(data_samples: list[DataSample], num_classes: int) -> Tensor:
    """Stacks the labels of a batch.

    Args:
        data_samples: With ``gt_score``, or else ``gt_label``.
        num_classes: C.

    Returns:
        float, 1, 0 or -1, [B, C].

    Raises:
        ValueError: If the labels are of another number of classes, or there are none.
    """
    return torch.stack([_target(sample, num_classes) for sample in data_samples])


def _target(sample: DataSample, num_classes: int) -> Tensor:
    """Returns the labels of one image, [C]."""
    mend = "set model.head.num_classes and the embedder's classes to the data set's"
    if "gt_score" in sample:
        if sample.gt_score.shape != (num_classes,):
            raise ValueError(
                f"num_classes={num_classes} but the data set's labels are of "
                f"{sample.gt_score.numel()} classes; {mend}"
            )
        return sample.gt_score.float()
    if "gt_label" not in sample:
        raise ValueError(
            "a data sample has neither gt_score nor gt_label; let the data set give one of them "
            "and PackInputs pack it"
        )
    wrong = sample.gt_label[(sample.gt_label < 0) | (sample.gt_label >= num_classes)]
    if len(wrong):
        raise ValueError(
            f"num_classes={num_classes} but gt_label holds {wrong.tolist()}, which are no indices "
            f"of 0 to {num_classes - 1}; {mend}"
        )
    return label_to_onehot(sample.gt_label, num_classes).float()
