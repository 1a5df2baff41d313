"""Hooks: they schedule, the model computes."""

from mmsrdl.engine.hooks.channels_last_hook import ChannelsLastHook
from mmsrdl.engine.hooks.oe_erasing_hook import OEErasingHook
from mmsrdl.engine.hooks.unknown_label_guard_hook import UnknownLabelGuardHook

__all__ = ["ChannelsLastHook", "OEErasingHook", "UnknownLabelGuardHook"]
