"""One page of all that was run of a study's steps."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from experiments.claims.steps import Context, Step, Study

__all__ = ["write_report"]


def write_report(steps: Iterable[Step], out: Path) -> Path:
    """Brings the tables and pictures of steps together in ``report.md``.

    Args:
        steps: Of one study; what was not run is called so.
        out: Folder of the study.

    Returns:
        The path of the page.
    """
    path = out / "report.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [line for step in steps for line in _section(step, out)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _section(step: Step, out: Path) -> Iterator[str]:
    if isinstance(step, Study) and step.table is not None:
        yield from (f"<!-- {step.name} -->", "")
        if step.table.is_file():
            yield from (step.table.read_text(encoding="utf-8").rstrip(), "")
            yield from _pictures([step.table.with_suffix(".png")], out)
        else:
            yield from (f"# {step.name}", "", "*not run*", "")
        yield from ("```bash", str(step), "```", "")
    elif isinstance(step, Context) and step.text.is_file():
        text = step.text.read_text(encoding="utf-8").strip("\n")
        yield from (f"# {step.name}", "", "```", text, "```", "")
        yield from _pictures([step.picture(system) for system in step.systems], out)


def _pictures(paths: Iterable[Path], out: Path) -> Iterator[str]:
    for path in paths:
        if path.is_file():
            yield from (f"![{path.stem}]({os.path.relpath(path, out)})", "")
