"""The table of a frozen study, from the results in its folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from experiments.frozen.study import Study
from experiments.trainings import best_lr

__all__ = ["table_of"]

FIGURES = ("mAP", "CF1", "OF1")
Result = dict[str, Any]


def table_of(out: str) -> str:
    """Makes the table of a study and writes it to ``frozen.md`` in its folder.

    Args:
        out: Folder of the study.

    Returns:
        Markdown.

    Raises:
        FileNotFoundError: If there is no study.
        ValueError: If its results are of different maps.
    """
    study = Study.read(out)
    results = {name: _results_of(Path(out, name), study) for name in study["configs"]}
    text = "\n".join(_lines(study, results)) + "\n"
    Path(out, "frozen.md").write_text(text, encoding="utf-8")
    return text


def _results_of(folder: Path, study: dict[str, Any]) -> dict[str, list[Result]]:
    """Reads the results of a config: those of the search, and of the chosen learning rate."""
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*/result.json"))
    ]
    searched = study["searched"][folder.name]
    search = [each for each in found if each["stage"] == "search" and each["lr"] in searched]
    search = sorted(search, key=lambda result: result["lr"])
    chosen = best_lr(search) if searched else study["lrs"][0]
    final = [
        each
        for each in found
        if each["stage"] == "final" and each["lr"] == chosen and each["seed"] in study["seeds"]
    ]
    return {"search": search, "final": final}


def _lines(study: dict[str, Any], results: dict[str, dict[str, list[Result]]]) -> list[str]:
    finals = [result for found in results.values() for result in found["final"]]
    lines = ["# Heads on frozen maps", "", *_protocol(study, finals), ""]
    lines += ["| head (frozen) | mAP | CF1 | OF1 | n | lr | parameters | s | CPU s |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    lines += [_row(name, found["final"], study) for name, found in results.items()]
    if len(study["lrs"]) > 1:
        lrs = sorted({*study["lrs"], *(lr for each in study["searched"].values() for lr in each)})
        lines += ["", "The search, mAP on the held-out training images (frozen, one seed):", ""]
        lines += ["| head (frozen) | " + " | ".join(f"lr {lr:g}" for lr in lrs) + " |"]
        lines += ["|---" * (len(lrs) + 1) + "|"]
        lines += [_search_row(name, found["search"], lrs) for name, found in results.items()]
    return lines


def _protocol(study: dict[str, Any], finals: list[Result]) -> list[str]:
    """Says what the figures are."""
    text = (
        "Tier *frozen*: the backbone does not learn. Protocol `paper`: raw AP in percent, CF1 and "
        "OF1 at threshold 0.5, entries of only difficult objects left out. Evaluated once on the "
        "validation images, after the last epoch; mean ± sample standard deviation over n seeds. "
        "Seconds are of one training with its evaluation, by the clock and of the processor."
    )
    if len(study["lrs"]) > 1:
        text += (
            f" The learning rate is that of the highest mAP on {study['held_out']:.0%} of the "
            "training images, held out of the search's training"
            + (f" of {study['search_epochs']} epochs" if study["search_epochs"] else "")
            + "; where it is the smallest or largest tried, up to "
            f"{study['extend']} more are tried beyond it."
        )
    if not finals:
        return [text]
    first = finals[0]
    maps = first["maps"]
    if any(result["maps"] != maps for result in finals):
        raise ValueError(
            "the results are of different maps; run the study again with one --data-root"
        )
    views, train, *size = maps["train_dataloader"]["shape"]
    val = maps["val_dataloader"]["shape"][1]
    budgets = {(result["epochs"], result["batch_size"]) for result in finals}
    budget = " or ".join(f"{epochs} epochs, batch {batch}" for epochs, batch in sorted(budgets))
    prints = "/".join(each["fingerprint"] for each in maps.values())
    return [
        text,
        "",
        f"Maps {' x '.join(map(str, size))}, {views} views of {train:,} training images, {val:,} "
        f"validation images (fingerprints {prints}); {budget}.",
    ]


def _row(name: str, final: list[Result], study: dict[str, Any]) -> str:
    if not final:
        return f"| {name} | not run | | | 0 | | | | |"
    cells = [_spread([result["metrics"][figure] for result in final]) for figure in FIGURES]
    edge = ""
    searched = study["searched"][name]
    if len(searched) > 2 and final[0]["lr"] in (searched[0], searched[-1]):
        edge = " (edge)"
    seconds = [mean(each[key] for each in final) for key in ("seconds", "cpu_seconds")]
    cells += [f"{len(final)}", f"{final[0]['lr']:g}{edge}"]
    cells += [f"{final[0]['parameters']:,}", *(f"{each:.0f}" for each in seconds)]
    return f"| {name} | " + " | ".join(cells) + " |"


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def _search_row(name: str, search: list[Result], lrs: Sequence[float]) -> str:
    found = {result["lr"]: f"{result['metrics']['mAP']:.2f}" for result in search}
    return f"| {name} | " + " | ".join(found.get(lr, "-") for lr in lrs) + " |"
