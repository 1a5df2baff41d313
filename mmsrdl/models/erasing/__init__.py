"""Object erasing: where to erase."""

from mmsrdl.models.erasing.object_erasing import ObjectErasing, erased_region, marginal_run

__all__ = ["ObjectErasing", "erased_region", "marginal_run"]
