import threading

import pytest
import torch

from mmsrdl.threads import in_threads


@pytest.mark.parametrize("threads", [1, 3])
def test_results_are_in_order(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert in_threads(lambda part: part**2, range(7)) == [0, 1, 4, 9, 16, 25, 36]


def test_threads_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    both = threading.Barrier(2, timeout=10)
    in_threads(lambda part: both.wait(), range(2))


def test_no_part() -> None:
    assert in_threads(lambda part: part, []) == []


def test_failure_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda part: 1 / part, [1, 0, 2])
