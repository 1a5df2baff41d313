"""Runs what is missing of a study, then tabulates."""

import sys

from experiments.scarce.job import Job
from experiments.scarce.study import Study
from experiments.scarce.table import table_of
from experiments.trainings import read_result, run_all
from mmsrdl.arguments import check_integer

__all__ = ["run_study"]


def run_study(study: Study, processes: int = 1, dry_run: bool = False) -> int:
    """Runs what is missing, and prints and writes the table, ``scarce.md``.

    The learning rate of each loss in each setting is the one with the highest mAP on held-out
    training images whose labels are all known. The validation images are seen once, after the last
    epoch of each final training. What fails is named and does not stop the rest; a further call
    tries it again.

    Args:
        study: See :class:`Study`.
        processes: How many trainings run at a time, with a thread each.
        dry_run: Whether to say what is missing, and run nothing.

    Returns:
        0, or 1 if something failed.
    """
    check_integer("--processes", processes, low=1, example=2)
    cells = list(study.cells())
    if dry_run:
        return _announce(study, cells)
    study.save()
    failed: list[str] = []
    done: set[Job] = set()
    while jobs := {job for cell in cells for job in study.searches(*cell)} - done:
        failed += run_all(sorted(jobs, key=str), processes)
        done |= jobs
    failed += run_all([job for cell in cells for job in study.finals(*cell)], processes)
    print("\n" + table_of(Study.load(study.out)))
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    return int(bool(failed))


def _announce(study: Study, cells: list[tuple[str, str]]) -> int:
    """Prints what a call would run."""
    for cell in cells:
        missing = [job for job in study.searches(*cell) if read_result(job) is None]
        seeds = [job.seed for job in study.finals(*cell) if read_result(job) is None]
        if missing:
            rates = ", ".join(f"{job.lr:g}" for job in missing)
            print(f"{', '.join(cell)}: search of {rates}, then {len(study.seeds)} seeds")
        elif seeds:
            print(f"{', '.join(cell)}: lr {study.chosen(*cell):g}, seeds {seeds}")
    return 0
