"""Losses over tri-state labels."""

from mmsrdl.models.losses.assume_negative import AssumeNegativeLoss
from mmsrdl.models.losses.asymmetric import MultiLabelASLLoss
from mmsrdl.models.losses.entropy_maximization import EntropyMaximizationLoss
from mmsrdl.models.losses.multi_label_bce import MultiLabelBCELoss, check_known
from mmsrdl.models.losses.partial_bce import PartialBCELoss
from mmsrdl.models.losses.targets import stack_targets
from mmsrdl.models.losses.tri_state import TriStateLoss

__all__ = [
    "AssumeNegativeLoss",
    "EntropyMaximizationLoss",
    "MultiLabelASLLoss",
    "MultiLabelBCELoss",
    "PartialBCELoss",
    "TriStateLoss",
    "check_known",
    "stack_targets",
]
