"""Hooks: they schedule, the model computes."""

from mmsrdl.engine.hooks.bad_images_hook import BadImagesHook
from mmsrdl.engine.hooks.channels_last_hook import ChannelsLastHook
from mmsrdl.engine.hooks.checkpoint_guard_hook import CheckpointGuardHook
from mmsrdl.engine.hooks.cooccurrence_hook import CooccurrenceHook
from mmsrdl.engine.hooks.data_guard_hook import DataGuardHook
from mmsrdl.engine.hooks.iteration_seed_hook import IterationSeedHook
from mmsrdl.engine.hooks.label_state_hook import LabelStateHook
from mmsrdl.engine.hooks.label_statistics_hook import LabelStatisticsHook
from mmsrdl.engine.hooks.metric_model_hook import MetricModelHook
from mmsrdl.engine.hooks.non_finite_guard_hook import NonFiniteError, NonFiniteGuardHook
from mmsrdl.engine.hooks.oe_erasing_hook import OEErasingHook
from mmsrdl.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from mmsrdl.engine.hooks.stop_signal_hook import StopSignalHook, TrainingStopped
from mmsrdl.engine.hooks.sync_buffers_hook import SyncBuffersHook
from mmsrdl.engine.hooks.unknown_label_guard_hook import UnknownLabelGuardHook
from mmsrdl.engine.hooks.vocabulary_hook import VocabularyHook

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
    "SafeCheckpointHook",
    "StopSignalHook",
    "SyncBuffersHook",
    "TrainingStopped",
    "UnknownLabelGuardHook",
    "VocabularyHook",
]
