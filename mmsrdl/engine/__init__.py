"""What plugs into MMEngine's runner."""

from mmsrdl.engine.hooks import ChannelsLastHook, OEErasingHook, UnknownLabelGuardHook

__all__ = ["ChannelsLastHook", "OEErasingHook", "UnknownLabelGuardHook"]
