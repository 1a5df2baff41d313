import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import harness
from benchmarks.harness import Timing, compare, make_parser, peak_memory, prepare, report, run_child

CPU = torch.device("cpu")


class Clock:
    """Time that passes only where a candidate says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def spend(self, *seconds: float) -> Callable[[], None]:
        """A candidate whose calls take these times, over and over."""
        times = itertools.cycle(seconds)

        def call() -> None:
            self.now += next(times)

        return call


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(harness, "time", clock)
    return clock


def test_order_is_reversed_every_other_round(clock: Clock) -> None:
    calls: list[str] = []
    spend = clock.spend(1.0)

    def candidate(name: str) -> Callable[[], None]:
        return lambda: (calls.append(name), spend())[1]

    compare({name: candidate(name) for name in "abc"}, "b", rounds=3, warmup=1)
    # One call to warm up and one to see how long it takes, then the rounds.
    assert "".join(calls) == "aabbcc" + "abc" + "cba" + "abc"


def test_ratios_are_of_the_same_round(clock: Clock) -> None:
    """The machine is ten times slower in the second round: ratios do not see it."""
    candidates = {
        "ours": clock.spend(1.0, 1.0, 20.0, 3.0, 4.0, 5.0),
        "theirs": clock.spend(2.0, 2.0, 20.0, 2.0, 2.0, 2.0),
    }
    timings = compare(candidates, "theirs", rounds=5, warmup=0)
    ratios = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
    assert list(timings) == ["ours", "theirs"]
    assert timings["ours"] == Timing(4.0, 1.5, *np.quantile(ratios, (0.25, 0.75)))
    assert timings["theirs"] == Timing(2.0, 1.0, 1.0, 1.0)


def test_short_calls_are_repeated(clock: Clock) -> None:
    calls = itertools.count()
    spend = clock.spend(1e-3)
    timings = compare({"a": lambda: (next(calls), spend())[1]}, "a", rounds=1, warmup=0)
    assert next(calls) >= 1 + 20 + 20
    assert timings["a"].seconds == pytest.approx(1e-3)


def test_a_slow_first_call_is_no_measure(clock: Clock) -> None:
    seconds = itertools.chain([0.015], itertools.repeat(1e-5))

    def call() -> None:
        clock.now += next(seconds)

    assert harness.count_repeats(call, CPU) * 1e-5 >= harness.SHORTEST


def test_unknown_baseline() -> None:
    with pytest.raises(ValueError, match=r"baseline='c' must be one of .*\['a', 'b'\]"):
        compare({"a": list, "b": list}, "c")


@pytest.mark.parametrize(("rounds", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError)])
def test_rounds_must_be_positive(rounds: float, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"rounds={rounds} must be .*1"):
        compare({"a": list}, "a", rounds=rounds)
    args = make_parser("x", None).parse_args([])
    args.rounds = rounds
    with pytest.raises(error, match=rf"rounds={rounds} must be .*1"):
        prepare(args)


def test_prepare_sets_threads_and_seeds() -> None:
    threads = torch.get_num_threads()
    args = make_parser("x", "what").parse_args(["--threads", "2", "--seed", "3"])
    try:
        draws = []
        for _ in range(2):
            assert prepare(args) == CPU
            assert torch.get_num_threads() == 2
            draws.append((torch.rand(()).item(), np.random.rand()))
        assert draws[0] == draws[1]
    finally:
        torch.set_num_threads(threads)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_prepare_without_a_gpu() -> None:
    with pytest.raises(ValueError, match="device='cuda' needs a GPU"):
        prepare(make_parser("x", None).parse_args(["--device", "cuda"]))


ROWS = [{"name": "a", "ratio": 1 / 3}, {"name": "b", "ratio": 12345.6, "peak": 7}]


def test_report(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figures.json"
    monkeypatch.setattr("sys.argv", ["x", "--json", str(path), f"--data={tmp_path}", "--seed=5"])
    report("A title", {"One": ROWS, "Two": ROWS[:1]}, path, seed=5)
    printed = capsys.readouterr().out
    assert printed.startswith("A title\n")
    assert re.search(r"^a +0\.3333 +-$", printed, flags=re.MULTILINE)
    assert re.search(r"^b +12346 +7$", printed, flags=re.MULTILINE)
    assert not [line for line in printed.splitlines() if line != line.rstrip()]
    content = json.loads(path.read_text())
    assert content["title"] == "A title"
    assert content["tables"] == [
        {"heading": "One", "rows": ROWS},
        {"heading": "Two", "rows": ROWS[:1]},
    ]
    setting = content["setting"]
    assert setting["command"].endswith(f"--json figures.json --data={tmp_path.name} --seed=5")
    assert f"torch {torch.__version__}" in setting["versions"]
    assert {"date", "cpu", "threads", "seed"} <= setting.keys()
    for text in (printed, json.dumps(content)):
        assert str(tmp_path.parent) not in text


def test_report_of_one_table(capsys: pytest.CaptureFixture) -> None:
    report("Title", ROWS)
    assert "12346" in capsys.readouterr().out


CHILD = """
import sys
from benchmarks.harness import peak_memory, print_result
held = bytearray(int(sys.argv[1]) << 20)
print("a line of a log")
print_result(peak=peak_memory(), held=len(held))
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module that a child process can run."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(code: str) -> str:
        (tmp_path / "some_benchmark.py").write_text(code)
        return "some_benchmark"

    return write


def test_child_measures_itself_alone(child: Callable[[str], str]) -> None:
    module = child(CHILD)
    small = run_child(module, ["1"])
    held = np.ones(400 << 17)  # 400 MiB in the parent, of which the child knows nothing
    large = run_child(module, ["200"])
    assert large["held"] == 200 << 20
    # How many pages of the libraries are resident varies by tens of megabytes on a busy machine.
    assert large["peak"] - small["peak"] == pytest.approx(199 << 20, abs=64 << 20)
    assert peak_memory() > held.nbytes


def test_child_that_fails(child: Callable[[str], str]) -> None:
    module = child("raise ValueError('no such setup')")
    message = r"python -m some_benchmark --child x ended with 1:(.|\n)*no such setup"
    with pytest.raises(RuntimeError, match=message):
        run_child(module, ["--child", "x"])


@pytest.mark.parametrize("code", ["print('done')", "print(3)", ""])
def test_child_without_a_result(child: Callable[[str], str], code: str) -> None:
    with pytest.raises(RuntimeError, match=r"must end with print_result"):
        run_child(child(code))
