"""Losses over tri-state labels."""

from mmsrdl.models.losses.assume_negative import AssumeNegativeLoss
from mmsrdl.models.losses.asymmetric import MultiLabelASLLoss
from mmsrdl.models.losses.em_apl import EMAPLLoss
from mmsrdl.models.losses.entropy_maximization import EntropyMaximizationLoss
from mmsrdl.models.losses.image_state import ImageStateLoss
from mmsrdl.models.losses.multi_label_bce import MultiLabelBCELoss, check_known
from mmsrdl.models.losses.partial_bce import PartialBCELoss
from mmsrdl.models.losses.ranking import RankingLoss
from mmsrdl.models.losses.role import ROLELoss
from mmsrdl.models.losses.targets import stack_targets
from mmsrdl.models.losses.tri_state import TriStateLoss
from mmsrdl.models.losses.vlpl import AsymmetricVLPLLoss, VLPLLoss

__all__ = [
    "AssumeNegativeLoss",
    "AsymmetricVLPLLoss",
    "EMAPLLoss",
    "EntropyMaximizationLoss",
    "ImageStateLoss",
    "MultiLabelASLLoss",
    "MultiLabelBCELoss",
    "PartialBCELoss",
    "ROLELoss",
    "RankingLoss",
    "TriStateLoss",
    "VLPLLoss",
    "check_known",
    "stack_targets",
]
