"""Published checkpoints of other code bases as checkpoints of mmsrdl's."""

from mmsrdl.model_converters.clip import convert_clip
from mmsrdl.model_converters.csra import convert_csra
from mmsrdl.model_converters.mlgcn import convert_mlgcn
from mmsrdl.model_converters.published import ConvertedCheckpoint

__all__ = ["ConvertedCheckpoint", "convert_clip", "convert_csra", "convert_mlgcn"]
