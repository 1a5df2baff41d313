"""The table of a study of configs, from the results in its folder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from experiments.config_study import ConfigStudy
from experiments.paired import COMPARISON, check_baseline, paired_differences
from mmsrdl.evaluation.scores_file import ScoresFile

__all__ = [
    "Result", "TableForm", "budget_of", "final_results", "finals_of", "line", "make_table",
    "read_results", "scores_of", "search_of",
]  # fmt: skip

FIGURES = ("mAP", "CF1", "OF1")
Result = dict[str, Any]


@dataclass(frozen=True)
class TableForm:
    """What the table of a tier says.

    Attributes:
        study: Class of its studies.
        file: Name of the table's file.
        title: Heading.
        rows: Heading of the first column.
        protocol: Says what the figures are.
        data: Makes paragraphs of the final results, of at least one: data and budget.
    """

    study: type[ConfigStudy]
    file: str
    title: str
    rows: str
    protocol: str
    data: Callable[[list[Result]], list[str]]


def make_table(form: TableForm, out: str, baseline: str | None = None) -> str:
    """Makes the table of a study and writes it to its folder.

    Args:
        form: See :class:`TableForm`.
        out: Folder of the study.
        baseline: Config that the others are compared with, see :func:`paired_differences`; None
            takes the study's.

    Returns:
        Markdown.

    Raises:
        FileNotFoundError: If there is no study.
        ValueError: If its results are of different data, or the baseline is none of its configs.
    """
    study = form.study.read(out)
    study["baseline"] = baseline or study.get("baseline")
    if study["baseline"] is not None:
        check_baseline(study["baseline"], study["configs"])
    results = {name: _results_of(Path(out, name), study) for name in study["configs"]}
    text = "\n".join(_lines(form, study, results)) + "\n"
    Path(out, form.file).write_text(text, encoding="utf-8")
    return text


def final_results(form: TableForm, out: str) -> dict[str, list[Result]]:
    """Returns the final results that the table of a study is of, by config.

    Raises:
        FileNotFoundError: If there is no study.
    """
    study = form.study.read(out)
    return {name: _results_of(Path(out, name), study)["final"] for name in study["configs"]}


def read_results(folder: Path) -> list[Result]:
    """Reads the results below the folder of a config or variant, with where their scores are."""
    return [
        {**json.loads(path.read_text(encoding="utf-8")), "scores": path.with_name("scores.npz")}
        for path in sorted(folder.glob("*/result.json"))
    ]


def search_of(found: Sequence[Result], searched: Sequence[float]) -> list[Result]:
    """Picks the results of the search, by learning rate."""
    search = [each for each in found if each["stage"] == "search" and each["lr"] in searched]
    return sorted(search, key=lambda result: result["lr"])


def finals_of(found: Sequence[Result], name: str, study: dict[str, Any]) -> list[Result]:
    """Picks the results of a config's learning rate and the study's seeds."""
    chosen = study["chosen"].get(name)
    return [
        each
        for each in found
        if each["stage"] == "final" and each["lr"] == chosen and each["seed"] in study["seeds"]
    ]


def _results_of(folder: Path, study: dict[str, Any]) -> dict[str, list[Result]]:
    """Reads the results of a config: those of the search, and of the chosen learning rate."""
    found = read_results(folder)
    search = search_of(found, study["searched"][folder.name])
    return {"search": search, "final": finals_of(found, folder.name, study)}


def _lines(
    form: TableForm, study: dict[str, Any], results: dict[str, dict[str, list[Result]]]
) -> list[str]:
    finals = [result for found in results.values() for result in found["final"]]
    lines = [f"# {form.title}", "", _protocol(form, study)]
    lines += [each for text in (form.data(finals) if finals else []) for each in ("", text)]
    differences = _differences(study["baseline"], results)
    compared = [] if differences is None else [f"mAP - {study['baseline']} [95 %]"]
    titles = [form.rows, *FIGURES, *compared, "n", "lr", "parameters", "s", "CPU s"]
    lines += ["", line(titles), "|---" * len(titles) + "|"]
    lines += [
        _row(name, found["final"], study, None if differences is None else differences.get(name))
        for name, found in results.items()
    ]
    lrs = sorted({lr for searched in study["searched"].values() for lr in searched})
    if lrs:
        tier = study["tier"]
        lines += ["", f"The search, mAP on the held-out training images ({tier}, one seed):", ""]
        lines += [line([form.rows, *(f"lr {lr:g}" for lr in lrs)]), "|---" * (len(lrs) + 1) + "|"]
        lines += [_search_row(name, found["search"], lrs) for name, found in results.items()]
    return lines


def _protocol(form: TableForm, study: dict[str, Any]) -> str:
    """Says what the figures are."""
    text = (
        f"{form.protocol} Evaluated once on the validation images, after the last epoch; mean ± "
        "sample standard deviation over n seeds. Seconds are of one training with its evaluation, "
        "by the clock and of the processor."
    )
    if study.get("relative"):
        text += " Learning rates are multiples of each config's own."
    if any(study["searched"].values()):
        text += (
            f" The learning rate is that of the highest mAP on {study['held_out']:.0%} of the "
            "training images, held out of the search's training"
            + (f" of {study['search_epochs']} epochs" if study["search_epochs"] else "")
            + "; where it is the smallest or largest tried, up to "
            f"{study['extend']} more are tried beyond it."
        )
    if study["baseline"] is not None:
        text += " " + COMPARISON
    return text


def budget_of(finals: Sequence[Result]) -> str:
    """Says how long the trainings were."""
    budgets = {(result["epochs"], result["batch_size"]) for result in finals}
    return " or ".join(f"{epochs} epochs, batch {batch}" for epochs, batch in sorted(budgets))


def scores_of(final: Sequence[Result]) -> dict[int, ScoresFile]:
    """Reads the scores beside results: seeds to scores."""
    return {each["seed"]: ScoresFile.load(each["scores"]) for each in final}


def _differences(
    baseline: str | None, results: dict[str, dict[str, list[Result]]]
) -> dict[str, str] | None:
    """Returns what the column of differences says of each config; None without a baseline."""
    if baseline is None:
        return None
    scores = {name: scores_of(found["final"]) for name, found in results.items()}
    differences = paired_differences(scores, baseline)
    texts = {name: str(difference) for name, difference in differences.items()}
    for name, difference in differences.items():
        if difference.seeds < len(scores[name]):
            texts[name] += f" (n = {difference.seeds})"
    return {name: texts.get(name, "-") for name in results} | {baseline: "baseline"}


def line(cells: Sequence[str]) -> str:
    """Makes a line of a table."""
    return f"| {' | '.join(cells)} |"


def _row(name: str, final: list[Result], study: dict[str, Any], difference: str | None) -> str:
    compared = [] if difference is None else [difference]
    if not final:
        return line([name, "not run", "", "", *["-" for _ in compared], "0", "", "", "", ""])
    cells = [_spread([result["metrics"][figure] for result in final]) for figure in FIGURES]
    cells += compared
    edge = ""
    searched = study["searched"][name]
    if len(searched) > 2 and final[0]["lr"] in (searched[0], searched[-1]):
        edge = " (edge)"
    # What a resumed training took before it was stopped is not known.
    whole = [each for each in final if not each.get("resumed")]
    seconds = [
        f"{mean(each[key] for each in whole):.0f}" if whole else "-"
        for key in ("seconds", "cpu_seconds")
    ]
    cells += [f"{len(final)}", f"{final[0]['lr']:g}{edge}"]
    cells += [f"{final[0]['parameters']:,}", *seconds]
    return line([name, *cells])


def _spread(values: Sequence[float]) -> str:
    """Says mean and, of several, sample standard deviation."""
    return f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def _search_row(name: str, search: list[Result], lrs: Sequence[float]) -> str:
    found = {result["lr"]: f"{result['metrics']['mAP']:.2f}" for result in search}
    return line([name, *(found.get(lr, "-") for lr in lrs)])
