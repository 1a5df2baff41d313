"""The tables of SRDL's paper, filled from work directories."""

from mmsrdl.paper_tables.place import PlacedRun, Runs, place_runs
from mmsrdl.paper_tables.write import write_tables

__all__ = ["PlacedRun", "Runs", "place_runs", "write_tables"]
