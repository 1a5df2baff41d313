"""How much of a large intermediate tensor exists at a time."""

import torch

# On a CPU a chunk should stay in cache, on a GPU it should keep the device busy.
CHUNK_ELEMENTS = {"cpu": 1 << 19, "cuda": 1 << 26}


def chunk_elements(device: torch.device) -> int:
    """Returns how many elements a chunk may have on a device."""
    return CHUNK_ELEMENTS.get(device.type, CHUNK_ELEMENTS["cuda"])
