"""Launching on machines without a GPU, which MMEngine's launcher does not expect."""

import os

import torch
import torch.distributed
from mmengine.config import Config, ConfigDict


def prepare_distributed(cfg: Config) -> None:
    """Starts torch.distributed over gloo where a launcher is used without a GPU.

    MMEngine selects a CUDA device and passes ``device_ids`` even there; a
    process group that already exists, and an explicit wrapper, keep it from that.

    Args:
        cfg: The config; ``launcher='pytorch'`` means torchrun's environment.
    """
    if cfg.launcher != "pytorch" or torch.cuda.is_available():
        return
    os.environ.setdefault("LOCAL_RANK", "0")
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(backend="gloo")
    cfg.model_wrapper_cfg = ConfigDict(
        type="MMDistributedDataParallel",
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get("find_unused_parameters", False),
    )
