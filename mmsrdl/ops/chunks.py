"""How much of a large intermediate tensor exists at a time."""

import torch

# On a CPU a chunk should stay in cache, on a GPU it should keep the device busy.
CHUNK_ELEMENTS = {"cpu": 1 << 19, "cuda": 1 << 26}


def chunk_elements(device: torch.device) -> int:
    """Returns how many elements a chunk may have on a device."""
    return CHUNK_ELEMENTS.get(device.type, CHUNK_ELEMENTS["cuda"])


def blocks(rows: int, classes: int, dim: int, device: torch.device) -> tuple[int, int]:
    """Returns how many rows and how many classes one chunk holds."""
    budget = max(chunk_elements(device) // max(dim, 1), 1)
    row_block = max(min(rows, budget), 1)
    return row_block, max(min(classes, budget // row_block), 1)
