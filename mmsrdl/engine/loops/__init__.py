"""Training loops that go on where a run was stopped."""

from mmsrdl.engine.loops.resumable import ResumableEpochLoop, ResumableIterLoop

__all__ = ["ResumableEpochLoop", "ResumableIterLoop"]
