"""Losses over tri-state labels."""

from mmsrdl.models.losses.multi_label_bce import MultiLabelBCELoss, check_known
from mmsrdl.models.losses.targets import stack_targets

__all__ = ["MultiLabelBCELoss", "check_known", "stack_targets"]
