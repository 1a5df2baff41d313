"""The table of a study, from the results in its folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from experiments.intervals import interval
from experiments.open_vocabulary.combinations import ALL, SEEN, UNSEEN
from experiments.open_vocabulary.prepared import Prepared
from experiments.open_vocabulary.rows import ROWS
from experiments.open_vocabulary.study import Study
from experiments.open_vocabulary.vectors import DIMS, ENCODER
from experiments.prepared import HELD_OUT

__all__ = ["table_of"]

FIGURES = {
    "ZSL mAP": "ov/ZSL/mAP",
    "ZSL F1@3": "ov/ZSL/F1_top3",
    "GZSL mAP": "ov/GZSL/mAP",
    "GZSL F1@3": "ov/GZSL/F1_top3",
    "seen mAP": "ov/seen/mAP",
    "unseen mAP": "ov/unseen/mAP",
    "H mAP": "ov/H/mAP",
}
"""Title of a column to the metric's key."""


def table_of(out: str) -> str:
    """Makes the table of the study in a folder, and writes it there as ``open_vocabulary.md``.

    Returns:
        Markdown.

    Raises:
        FileNotFoundError: If there is no study.
    """
    study = Study.load(out)
    prepared = Prepared.load(study.data)
    found = {row: study.results((row,)) for row in study.rows}
    lines = ["# Open vocabulary on demo scenes", "", *_protocol(study, prepared, found), ""]
    lines += [f"| SigRL's parts | {' | '.join(FIGURES)} | lr | parameters | CPU s |"]
    lines += ["|---" * (len(FIGURES) + 4) + "|"]
    lines += [_single("a random order", prepared.chance)]
    lines += [_single("not trained: the encoder's class token", prepared.encoder)]
    lines += [_row(study, row, results) for row, results in found.items()]
    text = "\n".join(lines) + "\n"
    Path(out, "open_vocabulary.md").write_text(text, encoding="utf-8")
    return text


def _single(title: str, figures: Mapping[str, float]) -> str:
    cells = [f"{figures[key]:.1f}" for key in FIGURES.values()]
    return f"| {title} | {' | '.join(cells)} | | | |"


def _row(study: Study, row: str, results: Sequence[dict[str, Any]]) -> str:
    if not results:
        return f"| {ROWS[row].title} | not run |" + " |" * (len(FIGURES) + 2)
    cells = [_spread([result["metrics"][key] for result in results]) for key in FIGURES.values()]
    lr = results[0]["lr"]
    edge = "*" if study.at_edge(lr) else ""
    few = f" (n = {len(results)})" if len(results) < len(study.seeds) else ""
    cells += [f"{lr:g}{edge}", f"{results[0]['parameters']:,}"]
    cells += [f"{mean(result['cpu_seconds'] for result in results):.0f}"]
    return f"| {ROWS[row].title}{few} | {' | '.join(cells)} |"


def _spread(values: list[float]) -> str:
    return f"{mean(values):.1f}" + (f" ± {interval(values):.1f}" if len(values) > 1 else "")


def _protocol(
    study: Study, prepared: Prepared, found: Mapping[str, Sequence[dict[str, Any]]]
) -> list[str]:
    """Says what the figures are."""
    first = next((result for results in found.values() for result in results), None)
    budget = f", {first['epochs']} epochs, batch {first['batch_size']}" if first else ""
    text = (
        f"Labels: {len(ALL)} combinations of a colour and a shape (*red kite*), of which "
        f"{len(UNSEEN)} are never trained; each colour and each shape is among the {len(SEEN)} "
        f"that are. {prepared.train:,} training scenes of seen combinations, {prepared.val:,} "
        f"validation scenes of all, {prepared.positives:.2f} labels each. Label vectors: "
        f"{ENCODER}, on the first {DIMS} principal axes of the seen names ({prepared.kept:.0%} of "
        "the variance), of norm 1. Image encoder: three stages of a ResNet-18 a quarter as wide, "
        f"a linear projection, the mean for class token; it has learned on {prepared.other:,} "
        "scenes of another seed and of seen combinations (softmax over the cosines of class token "
        f"and labels), and is trained on with all else{budget}. Published scores (`class_l2`, "
        "`asked`) unless the row says otherwise, of the best 4 of 64 positions, and ranking loss; "
        "no distillation, as its teacher would be this small encoder."
    )
    lines = [
        text,
        "",
        "In percent, by `OpenVocabularyMetric`: ZSL, the unseen among themselves; GZSL, all; seen "
        "and unseen, their parts of it, and H, their harmonic mean. Evaluated once, after the last "
        "epoch; mean and 95 % interval (Student's t) over "
        f"{len(study.seeds)} seeds of the training, which all start from one encoder. *+ GMC* "
        "scores positions with t + GMC(t), which is ours; *+ SVFR* has t in the place of GMC(t).",
    ]
    if len(study.lrs) > 1:
        rates = ", ".join(f"{lr:g}" for lr in study.lrs)
        lines[-1] += (
            f" The learning rate is the best of {rates} (* the smallest or largest) for the seen "
            f"labels of {HELD_OUT['held_out']:.0%} of the training scenes, held out (one seed)."
        )
    return lines
