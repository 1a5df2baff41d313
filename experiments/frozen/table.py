"""The table of a frozen study, from the results in its folder."""

from functools import partial

from experiments.config_table import Result, TableForm, budget_of, make_table
from experiments.frozen.study import Study

__all__ = ["table_of"]

PROTOCOL = (
    "Tier *frozen*: the backbone does not learn. Protocol `paper`: raw AP in percent, CF1 and "
    "OF1 at threshold 0.5, entries of only difficult objects left out."
)


def _data(finals: list[Result]) -> list[str]:
    """Says which maps the figures are of.

    Raises:
        ValueError: If they are of several.
    """
    maps = finals[0]["maps"]
    if any(result["maps"] != maps for result in finals):
        raise ValueError(
            "the results are of different maps; run the study again with one --data-root"
        )
    views, train, *size = maps["train_dataloader"]["shape"]
    val = maps["val_dataloader"]["shape"][1]
    prints = "/".join(each["fingerprint"] for each in maps.values())
    return [
        f"Maps {' x '.join(map(str, size))}, {views} views of {train:,} training images, {val:,} "
        f"validation images (fingerprints {prints}); {budget_of(finals)}."
    ]


FORM = TableForm(Study, "frozen.md", "Heads on frozen maps", "head (frozen)", PROTOCOL, _data)

table_of = partial(make_table, FORM)
