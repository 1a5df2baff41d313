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
    searches = [job for cell in cells for job in study.searches(*cell)]
    if dry_run:
        return _announce(study, cells, searches)
    study.save()
    failed = run_all(searches, processes)
    failed += run_all([job for cell in cells for job in study.finals(*cell)], processes)
    print("\n" + table_of(Study.load(study.out)))
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    return int(bool(failed))


def _announce(study: Study, cells: list[tuple[str, str]], searches: list[Job]) -> int:
    """Prints what a call would run."""
    missing = [job for job in searches if read_result(job) is None]
    for job in missing:
        print(job)
    finals = 0
    for cell in cells:
        done = sum(read_result(job) is not None for job in study.finals(*cell))
        finals += len(study.seeds) - done
        if done < len(study.seeds):
            print(f"{', '.join(cell)}, final, {len(study.seeds) - done} seeds")
    print(f"{len(missing)} searches and {finals} final trainings are missing")
    return 0
