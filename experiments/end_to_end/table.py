"""The table of an end-to-end study, from the results in its folder."""

from functools import partial

from experiments.config_table import Result, TableForm, budget_of, make_table
from experiments.end_to_end.study import Study
from mmsrdl.apis.config import LOADERS

__all__ = ["table_of"]

PROTOCOL = (
    "Tier *end to end*: backbone and head learn. Protocol `paper`: raw AP in percent, CF1 and "
    "OF1 at threshold 0.5, entries of only difficult objects left out."
)


def _data(finals: list[Result]) -> list[str]:
    """Says which images the figures are of.

    Raises:
        ValueError: If they are of several data sets.
    """
    data = finals[0]["data"]
    if any(result["data"] != data for result in finals):
        raise ValueError(
            "the results are of different images or labels; run the study again with one "
            "--data-root"
        )
    train, val = (sum(images for _, images in data[name]) for name in LOADERS[:2])
    prints = "/".join(mark for name in LOADERS[:2] for mark, _ in data[name])
    processes = sorted({result["launcher"] for result in finals})
    shared = f" in each of {' or '.join(map(str, processes))} processes" if processes != [1] else ""
    return [
        f"{train:,} training images, {val:,} validation images (fingerprints {prints}); "
        f"{budget_of(finals)}{shared}."
    ]


FORM = TableForm(Study, "end_to_end.md", "End to end", "config", PROTOCOL, _data)

table_of = partial(make_table, FORM)
