"""What is compared: SigRL with and without its parts."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """A method of the study.

    Attributes:
        title: Its name in the table.
        attention: Config of the head's attention.
        classifier: Options of the head's classifier beside the config's.
    """

    title: str
    attention: dict[str, Any] = field(default_factory=dict)
    classifier: dict[str, Any] = field(default_factory=dict)


GMC = dict(type="mmsrdl.GATv2")

ROWS = {
    "mkt": Row("neither (MKT's scores)", dict(type="mmsrdl.PatchScores")),
    "gmc": Row("+ GMC", dict(type="mmsrdl.PatchScores", graph=GMC)),
    "svfr": Row("+ SVFR", dict(type="mmsrdl.SVFRAttention", graph=None)),
    "sigrl": Row("+ GMC + SVFR (SigRL)", dict(type="mmsrdl.SVFRAttention", graph=GMC)),
    "sigrl_cosine": Row(
        "SigRL, `cosine` and `trained` (ours)",
        dict(type="mmsrdl.SVFRAttention", graph=GMC, context="trained"),
        dict(normalise="cosine"),
    ),
}
