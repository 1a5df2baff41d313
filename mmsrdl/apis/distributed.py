"""Launching on machines without a GPU, which MMEngine's launcher does not expect."""

import os
import subprocess
import time
from datetime import timedelta

import torch
import torch.distributed
from mmengine.config import Config, ConfigDict

ENVIRONMENT = {
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    "mpi": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
}
"""Where launchers say rank, number of processes and rank on the machine; torchrun as MMEngine."""


def prepare_distributed(cfg: Config) -> None:
    """Starts torch.distributed over gloo where a launcher is used without a GPU.

    MMEngine selects a CUDA device and passes ``device_ids`` even there; a process group that
    already exists, and an explicit wrapper, keep it from that. A process that waits for another
    one longer than ``env_cfg.dist_cfg.timeout`` seconds ends with an error.

    Args:
        cfg: The config; ``launcher='none'`` needs nothing.

    Raises:
        ValueError: If the launcher's environment variables are not set.
    """
    if cfg.launcher == "none" or torch.cuda.is_available():
        return
    _name_processes(cfg.launcher)
    if not torch.distributed.is_initialized():
        seconds = cfg.get("env_cfg", {}).get("dist_cfg", {}).get("timeout") or 1800
        torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=seconds))
    cfg.model_wrapper_cfg = ConfigDict(
        type="MMDistributedDataParallel",
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get("find_unused_parameters", False),
    )


def finish_distributed() -> None:
    """Leaves torch.distributed at the end of a program, all processes together."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        # Up to torch 2.5 gloo's threads, which still let go of the last tensors, and its end wait
        # for each other for ever: the one for Python's lock, the other for the threads.
        time.sleep(0.5)
        torch.distributed.destroy_process_group()


def _name_processes(launcher: str) -> None:
    """Sets torchrun's environment variables from the launcher's own."""
    if launcher in ENVIRONMENT:
        for target, source in zip(
            ("RANK", "WORLD_SIZE", "LOCAL_RANK"), ENVIRONMENT[launcher], strict=True
        ):
            if source in os.environ:
                os.environ[target] = os.environ[source]
        os.environ.setdefault("MASTER_PORT", "29500")
        nodes = os.environ.get("SLURM_NODELIST")
        if "MASTER_ADDR" not in os.environ and nodes:
            command = ["scontrol", "show", "hostname", nodes]
            os.environ["MASTER_ADDR"] = subprocess.check_output(command, text=True).split()[0]
    os.environ.setdefault("LOCAL_RANK", "0")
    missing = [n for n in ("RANK", "WORLD_SIZE", "MASTER_ADDR") if n not in os.environ]
    if missing:
        raise ValueError(
            f"--launcher {launcher}: {', '.join(missing)} not set in the environment; start with "
            "tools/dist_train.sh, torchrun, srun or mpirun, or leave --launcher out"
        )
