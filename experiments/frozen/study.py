"""What is compared: every config of frozen maps."""

from dataclasses import dataclass

from experiments.config_study import ConfigStudy
from experiments.frozen.job import Job

__all__ = ["Study"]


@dataclass(kw_only=True)
class Study(ConfigStudy):
    """What is compared, and how; ``data_root`` is the folder of the maps."""

    JOB = Job
