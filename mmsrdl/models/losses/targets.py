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
        ValueError: If the labels are of another number of classes.
    """
    if "gt_score" in data_samples[0]:
        target = torch.stack([sample.gt_score.float() for sample in data_samples])
    else:
        target = torch.stack(
            [label_to_onehot(sample.gt_label, num_classes) for sample in data_samples]
        ).float()
    if target.shape[1] != num_classes:
        raise ValueError(
            f"num_classes={num_classes} but the data set's labels are of {target.shape[1]} "
            "classes; set model.head.num_classes and the embedder's classes to the data set's"
        )
    return target
