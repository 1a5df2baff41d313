"""What plugs into MMEngine's runner."""

from mmsrdl.engine.hooks import (
    BadImagesHook,
    ChannelsLastHook,
    CheckpointGuardHook,
    CooccurrenceHook,
    DataGuardHook,
    IterationSeedHook,
    LabelStateHook,
    LabelStatisticsHook,
    MetricModelHook,
    NonFiniteError,
    NonFiniteGuardHook,
    OEErasingHook,
    SafeCheckpointHook,
    StopSignalHook,
    SyncBuffersHook,
    TrainingStopped,
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
    "LabelStatisticsHook",
    "MetricModelHook",
    "NonFiniteError",
    "NonFiniteGuardHook",
    "OEErasingHook",
    "ResumableEpochLoop",
    "ResumableIterLoop",
    "SafeCheckpointHook",
    "StopSignalHook",
    "SyncBuffersHook",
    "TrainingStopped",
    "UnknownLabelGuardHook",
]
