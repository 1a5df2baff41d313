"""What is compared: every config, trained as a whole."""

from dataclasses import dataclass

from experiments.config_study import ConfigStudy
from experiments.end_to_end.job import Job
from mmsrdl.arguments import check_integer

__all__ = ["Study"]


@dataclass(kw_only=True)
class Study(ConfigStudy):
    """What is compared, and how.

    Attributes:
        weights: ImageNet weights of the backbone; None takes the configs'.
        launcher: Processes (GPUs) of each training.
    """

    JOB = Job
    TRAINING = (*ConfigStudy.TRAINING, "weights", "launcher")

    weights: str | None = None
    launcher: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("--launcher", self.launcher, low=1, example=8)
