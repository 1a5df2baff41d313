"""The table of a study, from the results in its folder."""

from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from experiments.intervals import interval
from experiments.prepared import HELD_OUT
from experiments.scarce.losses import EVERYTHING, LOSSES, SETTINGS
from experiments.scarce.prepared import Prepared
from experiments.scarce.study import Study
from experiments.scarce.tiers import TIERS

__all__ = ["Cell", "cell_of", "table_of"]


@dataclass(frozen=True)
class Cell:
    """A loss in a setting.

    Attributes:
        mean: Mean mAP over the seeds.
        half: Half the width of the 95 % interval; None of a single seed.
        seeds: How many there are.
        lr: The learning rate.
        edge: Whether it is the smallest or largest of those that a search may try.
    """

    mean: float
    half: float | None
    seeds: int
    lr: float
    edge: bool


def cell_of(study: Study, loss: str, setting: str) -> Cell | None:
    """Reads the results of a loss in a setting; None where there are none."""
    results = study.results((loss, setting))
    if not results:
        return None
    values = [result["metrics"]["mAP"] for result in results]
    half = interval(values) if len(values) > 1 else None
    lr = results[0]["lr"]
    return Cell(mean(values), half, len(values), lr, study.at_edge(lr))


def table_of(out: str) -> str:
    """Makes the table of the study in a folder, and writes it there as ``scarce.md``.

    Returns:
        Markdown.

    Raises:
        FileNotFoundError: If there is no study.
    """
    study = Study.load(out)
    prepared = Prepared.load(study.data)
    titles = [SETTINGS[setting] for setting in study.settings]
    lines = [f"# Losses for scarce labels, tier *{prepared.tier}*", "", *_protocol(study), ""]
    lines += ["| mAP, known: | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    lines += [_row(study, loss) for loss in study.losses]
    lines += [f"| a random order | {' | '.join([f'{prepared.chance:.1f}'] * len(titles))} |"]
    if len(study.lrs) > 1:
        lines += ["", "Learning rates found (* the smallest or largest that may be tried):", ""]
        lines += ["| known: | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
        lines += [_row(study, loss, lrs=True) for loss in study.losses]
    text = "\n".join(lines) + "\n"
    Path(out, "scarce.md").write_text(text, encoding="utf-8")
    return text


def _row(study: Study, loss: str, lrs: bool = False) -> str:
    """Makes the row of a loss, of its mAP or of its learning rates."""
    cells = []
    for setting in study.settings:
        if study.trained(loss, setting) != loss:
            cells.append("= BCE")
            continue
        found = cell_of(study, loss, setting)
        if found is None:
            cells.append("not run")
        elif lrs:
            cells.append(f"{found.lr:g}" + "*" * found.edge)
        else:
            few = f" (n = {found.seeds})" if found.seeds < len(study.seeds) else ""
            spread = "" if found.half is None else f" ± {found.half:.1f}"
            cells.append(f"{found.mean:.1f}{spread}{few}")
    return f"| {LOSSES[loss].title} | {' | '.join(cells)} |"


def _protocol(study: Study) -> list[str]:
    """Says what the figures are."""
    prepared = Prepared.load(study.data)
    tier, teacher = TIERS[prepared.tier], prepared.teacher
    budget = _budget(study)
    text = (
        f"Data: {tier.data}. {prepared.train:,} training images with "
        f"{prepared.positives:.2f} positives each on average, {prepared.val:,} validation images, "
        f"{prepared.classes} classes{budget}. What is known is drawn anew for each seed: one "
        "positive of each image, uniformly, and nothing else; or each entry with a probability. "
        "Raw AP in percent on the validation images, all labels known, once, after the last epoch; "
        f"mean and 95 % interval (Student's t) over {len(study.seeds)} seeds of labels and "
        "training."
    )
    if len(study.lrs) > 1:
        rates = ", ".join(f"{lr:g}" for lr in study.lrs)
        text += (
            " The learning rate of each loss in each setting is the best on "
            f"{HELD_OUT['held_out']:.0%} of the training images, held out, all of their labels "
            f"known (one seed), of {rates}: the two in the middle are tried, then those beyond the "
            "best until it is neither the smallest nor the largest tried."
        )
    else:
        text += f" The learning rate is {study.lrs[0]:g}."
    reduced = [LOSSES[loss].title for loss in study.losses if LOSSES[loss].reduces]
    if EVERYTHING in study.settings and len(reduced) > 1:
        text += (
            " Where everything is known, losses that are binary cross entropy then "
            "(*= BCE*) are not trained again."
        )
    lines = [
        text,
        "",
        "Other hyper-parameters are those of the papers for PASCAL VOC; none was chosen here. ROLE "
        f"expects {prepared.positives:.2f} positives an image, the mean of the training set with "
        "all labels known, as in its paper.",
    ]
    if any(LOSSES[loss].teacher for loss in study.losses):
        lines += [
            "",
            f"VLPL's teacher: {tier.teacher}. Against all labels of the training images, mAP "
            f"{teacher['mAP']:.1f}; of the {teacher['pseudo_positives']:,} entries above "
            f"{tier.threshold:g} {teacher['precision']:.0f} % are positives, which are "
            f"{teacher['recall']:.0f} % of all.",
        ]
    return lines


def _budget(study: Study) -> str:
    """Says how long the trainings are, once there is one."""
    results: list[dict[str, Any]] = [
        result for cell in study.cells() for result in study.results(cell)
    ]
    if not results:
        return ""
    first = results[0]
    return f"; {first['epochs']} epochs, batch {first['batch_size']}"
