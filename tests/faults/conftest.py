"""The table of what went wrong and how it ended, below the tests."""

import os
import random
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from tests.faults.runs import Run

SEED = int(os.environ.get("FAULTS_SEED", "0"))
"""Of the places where runs are killed: `make faults SEED=1`."""

COLUMNS = ("run", "what", "ended", "went on from", "then")


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> random.Random:
    """Numbers that depend on the seed and the test alone."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def whole(seven: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs that nothing goes wrong in, each made once, and how often they came to every place."""
    runs: dict[tuple[str, int], tuple[Run, dict, dict]] = {}

    def find(name: str, world: int = 1) -> tuple[Run, dict, dict]:
        if (name, world) not in runs:
            run = Run(name, seven, tmp_path_factory.mktemp("whole"), world=world)
            assert run.run() == 0, run.said()
            runs[name, world] = run, run.end(), run.counts()
        return runs[name, world]

    return find


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
    ]
    rows = [(dict(report.user_properties).get("fault"), report.outcome) for report in reports]
    table = Table("#", *COLUMNS, title=f"seed {SEED}")
    for number, (row, outcome) in enumerate((row for row in rows if row[0]), start=1):
        table.add_row(str(number), *row, *[""] * (len(COLUMNS) - 1 - len(row)), outcome)
    if table.row_count:
        Console(width=150).print(table)
