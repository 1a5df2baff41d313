"""What a report of a bug needs, and the known breakages of the stack with their mends.

Nothing heavy is imported here, and nothing that needs a working stack: ``mmsrdl doctor`` has to
answer where nothing else does.
"""

from mmsrdl.doctor.breakages import Finding, find_breakages
from mmsrdl.doctor.environment import describe_environment

__all__ = ["Finding", "describe_environment", "find_breakages"]
