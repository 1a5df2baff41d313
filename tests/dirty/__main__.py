"""Prints what becomes of every dirty image, and the counts; ``--table`` the table of the docs."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.dirty.handling import LOADED, in_check, in_dataset, in_inferencer, on_page, write_dataset
from tests.dirty.images import IMAGES, DirtyImage


def row(image: DirtyImage) -> str:
    """Returns what is documented of an image, as a row of Markdown."""
    width, height = image.size
    loaded = "refused" if image.refused else f"loaded, {width:,} x {height:,}"
    if image.since > (0, 0):
        loaded += f" (OpenCV {'.'.join(map(str, image.since))} or later)"
    page = {True: "shown", False: "refused", None: ""}[image.page]
    check = f"`{image.check}`" if image.check else ""
    return f"| `{image.name}` | {image.what} | {loaded} | {check} | {page} |"


def main() -> None:
    """Runs the command."""
    if sys.argv[1:] == ["--table"]:
        print("\n".join(map(row, IMAGES)))
        return
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_dataset(folder)
        trained, checked, inferred = in_dataset(folder), in_check(folder), in_inferencer(folder)
        for image in IMAGES:
            page = "" if image.page is None else on_page(folder, image)
            found = {
                "data set": trained[image.name],
                "data check": checked[image.name] or LOADED,
                "inferencer": inferred.get(image.name, "left out"),
                "page": page or "not sent",
            }
            print(image.name)
            for part, outcome in found.items():
                print(f"    {part}: {' '.join(outcome.split())[:140]}")
                word = LOADED if outcome.startswith(LOADED) else "refused"
                word = outcome if outcome in ("not sent", "left out") else word
                counts[f"{part}: {word}"] += 1
    print(f"{len(IMAGES)} images")
    for outcome, number in sorted(counts.items()):
        print(f"    {outcome} {number}")


if __name__ == "__main__":
    main()
