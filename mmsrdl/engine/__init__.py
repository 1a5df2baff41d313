"""What plugs into MMEngine's runner."""

from mmsrdl.engine.hooks import (
    BadImagesHook,
    ChannelsLastHook,
    CheckpointGuardHook,
    CooccurrenceHook,
    DataGuardHook,
    IterationSeedHook,
    LabelStateHook,
    MetricModelHook,
    OEErasingHook,
    SyncBuffersHook,
    UnknownLabelGuardHook,
)
from mmsrdl.engine.loops import ResumableEpochLoop, ResumableIterLoop

__all__ = [
    "BadImagesHook",
    "ChannelsLastHook",
    "CheckpointGuardHook",
    "CooccurrenceHook",
    "DataGuardHook",
    "IterationSeedHook",
    "LabelStateHook",
    "MetricModelHook",
    "OEErasingHook",
    "ResumableEpochLoop",
    "ResumableIterLoop",
    "SyncBuffersHook",
    "UnknownLabelGuardHook",
]
