"""How many cases hypothesis tries, and how many it has tried."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Machines are shared, so no case has a deadline; a seed and not a data base repeats what failed.
COMMON: dict[str, Any] = dict(
    deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", max_examples=15, derandomize=True, **COMMON)
settings.register_profile("long", max_examples=250, print_blob=True, **COMMON)
settings.load_profile("quick")

TRIED: Counter[str] = Counter()
"""Cases that held, by property; one that hypothesis itself rejects is none."""


def _counted(name: str, test: Callable) -> Callable:
    @wraps(test)
    def count(*args: Any, **kwargs: Any) -> None:
        test(*args, **kwargs)
        TRIED[name] += 1

    return count


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seen = set()
    for item in items:
        function = getattr(item, "obj", None)
        handle = getattr(function, "hypothesis", None)
        if handle is not None and function not in seen:  # once for all its parameters
            seen.add(function)
            name = f"{function.__module__.rpartition('.')[2]}::{function.__name__}"
            handle.inner_test = _counted(name, handle.inner_test)


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    if TRIED:
        for name, count in sorted(TRIED.items()):
            terminalreporter.write_line(f"{count:7,}  {name}")
        terminalreporter.write_line(f"{TRIED.total():7,}  cases of {len(TRIED)} properties held")
