"""What building a model reports."""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.logging import MMLogger

__all__ = ["no_report"]


@contextmanager
def no_report() -> Iterator[None]:
    """Keeps MMEngine and MMPretrain from reporting on every parameter and stage."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)
