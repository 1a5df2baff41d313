"""The C library's allocator, which every step on a CPU asks for the same large blocks."""

import ctypes
import os
import platform

__all__ = ["keep_freed_memory"]

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Lets glibc keep what is freed, for the process and those that it forks.

    By default it returns every large block to the system at once, which clears the pages of the
    next one; a step on a CPU frees and allocates each of its maps, as PyTorch has no cache of its
    own there. The process stays as large as its largest step. Settings of the environment
    (``MALLOC_...``, ``GLIBC_TUNABLES``) are left as they are.

    Returns:
        Whether the allocator is glibc's and was told so.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in OWN):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1))
