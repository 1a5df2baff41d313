"""Published checkpoints of CSRA."""

import os
import re

from mmpretrain.models.heads import CSRAClsHead
from torch import Tensor

from mmsrdl.arguments import check_number
from mmsrdl.model_converters.published import (
    ConvertedCheckpoint,
    backbone_entries,
    check_entries,
    class_names,
    read_published,
)

__all__ = ["convert_csra"]

LAYOUT = "CSRA's released code, ResNet-101"
HEAD = re.compile(r"classifier\.multi_head\.(\d+)\.head\.weight")
OTHERS = {
    "head1.weight": "one of CSRA's vision transformers, which are not converted",
    "pos_embed": "a vision transformer's, which is not converted",
    "head.csra_heads.0.head.weight": "MMPretrain's or mmsrdl's already; use it as it is",
}


def convert_csra(
    path: str | os.PathLike[str], lam: float | None = None, classes: str | None = None
) -> ConvertedCheckpoint:
    """Converts a checkpoint of CSRA's released code (ResNet-101) for ``CSRAClsHead``.

    The number of heads is read off the file. The weight lambda of the attention is not in it, but
    in the published files' names, such as ``resnet101_voc07_head1_lam0.1_94.7.pth``.

    Args:
        path: The published file.
        lam: lambda. Defaults to that of the file's name.
        classes: Text file of class names in the checkpoint's order, one a line. Defaults to
            MS-COCO's in the order of their ids for 80 classes and to PASCAL VOC's for 20.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If lambda is no number.
        ValueError: If the file is another one, lambda is unknown or not above 0, or so are the
            class names.
    """
    path = os.path.expanduser(os.fspath(path))
    entries = read_published(path)
    complaint = f"checkpoint {path!r} is no ResNet-101 of CSRA's released code"
    for name, whose in OTHERS.items():
        if name in entries:
            raise ValueError(f"{complaint}: {name!r} says that it is {whose}")
    heads = _heads(entries, complaint)
    body = {
        name: entry
        for name, entry in entries.items()
        if not HEAD.fullmatch(name) and not name.startswith("fc.")
    }
    state = backbone_entries(body, complaint)
    number = heads[0].shape[:1].numel()
    check_entries(
        {f"classifier.multi_head.{h}.head.weight": head for h, head in enumerate(heads)},
        {f"classifier.multi_head.{h}.head.weight": (number, 2048, 1, 1) for h in range(len(heads))},
        complaint,
    )
    state.update({f"head.csra_heads.{h}.head.weight": head for h, head in enumerate(heads)})
    names, kind = class_names(number, classes, alphabetical=False)
    return ConvertedCheckpoint(
        state,
        tuple(names),
        path,
        LAYOUT,
        {"coco": "csra_r101_coco", "voc": "csra_r101_voc07"}.get(kind or ""),
        {"model.head.num_heads": len(heads), "model.head.lam": _weight(path, lam)},
    )


def _heads(entries: dict[str, Tensor], complaint: str) -> list[Tensor]:
    """Returns the classifiers of the heads in order."""
    matches = filter(None, map(HEAD.fullmatch, entries))
    heads = {int(match[1]): entries[match[0]] for match in matches}
    if not heads:
        raise ValueError(
            f"{complaint}: it has no entry classifier.multi_head.0.head.weight, but such as "
            f"{', '.join(sorted(entries)[:3])}"
        )
    allowed = sorted(CSRAClsHead.temperature_settings)
    if sorted(heads) != list(range(len(heads))) or len(heads) not in allowed:
        raise ValueError(
            f"{complaint}: it has the heads {sorted(heads)}, where there are 0 to H - 1 with H one "
            f"of {allowed}"
        )
    return [heads[h] for h in range(len(heads))]


def _weight(path: str, lam: float | None) -> float:
    """Returns lambda, as given or from the file's name."""
    if lam is None:
        match = re.search(r"lam(\d+(?:\.\d+)?)", os.path.basename(path))
        if match is None:
            raise ValueError(
                f"the name of checkpoint {path!r} does not say its lambda, and the file does not "
                "hold it; give it with --lam, 0.1 for VOC 2007, 0.5 or 0.4 for MS-COCO"
            )
        lam = float(match[1])
    check_number("lam", lam, low=0, example=0.1)
    if lam == 0:
        raise ValueError("lam=0 must be above 0; without attention it is no CSRA")
    return lam
