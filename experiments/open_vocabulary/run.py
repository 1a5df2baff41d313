"""Runs what is missing of a study, then tabulates."""

import sys

from experiments.open_vocabulary.prepared import Prepared
from experiments.open_vocabulary.study import Study
from experiments.open_vocabulary.table import table_of
from experiments.trainings import read_result, run_all
from mmsrdl.arguments import check_integer

__all__ = ["run_study"]


def run_study(study: Study, processes: int = 1, dry_run: bool = False) -> int:
    """Runs what is missing, and prints and writes the table, ``open_vocabulary.md``.

    The validation scenes are seen once, after the last epoch of each final training. What fails is
    named and does not stop the rest; a further call tries it again.

    Args:
        study: See :class:`Study`.
        processes: How many trainings run at a time, with a thread each.
        dry_run: Whether to say what is missing, and run nothing.

    Returns:
        0, or 1 if something failed.

    Raises:
        FileNotFoundError: If nothing was prepared.
    """
    check_integer("--processes", processes, low=1, example=2)
    Prepared.load(study.data)
    searches = [job for row in study.rows for job in study.searches(row)]
    if dry_run:
        finals = [job for row in study.rows for job in study.finals(row)]
        for job in [*searches, *finals]:
            if read_result(job) is None:
                print(job)
        return 0
    study.save()
    failed = run_all(searches, processes)
    failed += run_all([job for row in study.rows for job in study.finals(row)], processes)
    print("\n" + table_of(study))
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    return int(bool(failed))
