"""Version of mmsrdl."""

__version__ = "0.1.0"
