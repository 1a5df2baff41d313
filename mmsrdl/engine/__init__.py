"""What plugs into MMEngine's runner."""

from mmsrdl.engine.hooks import (
    ChannelsLastHook,
    CheckpointGuardHook,
    ClassGuardHook,
    IterationSeedHook,
    OEErasingHook,
    SyncBuffersHook,
    UnknownLabelGuardHook,
)
from mmsrdl.engine.loops import ResumableEpochLoop, ResumableIterLoop

__all__ = [
    "ChannelsLastHook",
    "CheckpointGuardHook",
    "ClassGuardHook",
    "IterationSeedHook",
    "OEErasingHook",
    "ResumableEpochLoop",
    "ResumableIterLoop",
    "SyncBuffersHook",
    "UnknownLabelGuardHook",
]
