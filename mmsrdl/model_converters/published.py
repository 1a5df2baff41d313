"""What the converters of published checkpoints share."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor

from mmsrdl.checkpoint import read_state_dict
from mmsrdl.datasets.class_names import CLASS_LISTS, read_class_names, resolve_classes
from mmsrdl.version import __version__

__all__ = ["ConvertedCheckpoint", "backbone_entries", "class_names", "read_published"]

COUNTER = "num_batches_tracked"
"""Of BN; files of torch before 0.4.1 lack it, and nothing depends on it."""

LISTS = {len(names): kind for kind, names in CLASS_LISTS.items()}


@dataclass
class ConvertedCheckpoint:
    """A checkpoint in mmsrdl's names, and how it is used.

    Attributes:
        state_dict: Names to tensors, all that the model has.
        classes: C class names, in the order of the logits; none without a classifier.
        source: The file that it was made of.
        layout: Whose names that file had.
        model: Name of the model whose config it belongs to, None where that is one of the user's.
        options: Settings that the config must have, by dotted name.
    """

    state_dict: dict[str, Tensor]
    classes: tuple[str, ...]
    source: str
    layout: str
    model: str | None
    options: dict[str, Any]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the checkpoint, with its classes and its source in ``meta``.

        Raises:
            ValueError: If it would take the place of its source.
        """
        target, source = Path(path), Path(self.source)
        if target.exists() and target.samefile(source):
            raise ValueError(f"'{path}' is the published checkpoint itself; name another file")
        meta = dict(
            **(dict(dataset_meta=dict(classes=self.classes)) if self.classes else {}),
            mmsrdl_version=__version__,
            converted_from=dict(
                layout=self.layout,
                file=source.name,
                sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
                options=self.options,
            ),
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        torch.save(dict(meta=meta, state_dict=self.state_dict), part)
        os.replace(part, target)  # whole or not at all


def read_published(path: str) -> dict[str, Tensor]:
    """Reads the entries of a checkpoint as data, without the prefix of ``DataParallel``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds more than data, or no state dict.
    """
    return {name.removeprefix("module."): entry for name, entry in read_state_dict(path).items()}


def check_entries(found: Mapping[str, Tensor], wanted: Mapping[str, Any], complaint: str) -> None:
    """Raises unless there are all entries that are wanted, of their shapes, and no others.

    Args:
        found: Names to tensors.
        wanted: Names to shapes.
        complaint: Begin of the error: which file is no checkpoint of what.

    Raises:
        ValueError: If an entry is missing, unexpected or of another shape.
    """
    missing = sorted(wanted.keys() - found.keys())
    unexpected = sorted(found.keys() - wanted.keys())
    shapes = [
        f"{name} is {list(found[name].shape)}, not {list(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name].shape != torch.Size(shape)
    ]
    wrong = [
        f"{len(names)} entries {what}, such as {', '.join(names[:3])}"
        for what, names in (("are missing", missing), ("are unexpected", unexpected))
        if names
    ]
    if wrong or shapes:
        raise ValueError(f"{complaint}: {'; '.join(wrong + shapes[:3])}")


def backbone_entries(entries: Mapping[str, Tensor], complaint: str) -> dict[str, Tensor]:
    """Renames torchvision's ResNet-101, without its linear layer, as MMPretrain's backbone.

    Args:
        entries: Names as in torchvision to tensors.
        complaint: See :func:`check_entries`.

    Returns:
        ``backbone.`` and the name, to the tensor; BN's counters of batches are 0 where missing.

    Raises:
        ValueError: If they are not those of a ResNet-101.
    """
    wanted = _resnet_shapes()
    counters = {name: torch.tensor(0) for name in wanted if name.endswith(COUNTER)}
    whole = {**counters, **entries}
    check_entries(whole, wanted, complaint)
    return {f"backbone.{name}": whole[name] for name in wanted}


@lru_cache
def _resnet_shapes() -> dict[str, torch.Size]:
    with torch.device("meta"):
        model = torchvision.models.resnet101(weights=None)
    state = model.state_dict()
    return {name: entry.shape for name, entry in state.items() if not name.startswith("fc.")}


def class_names(number: int, given: str | None, alphabetical: bool) -> tuple[list[str], str | None]:
    """Says what the rows of a classifier stand for.

    Args:
        number: C.
        given: Text file of C class names in the checkpoint's order. None: 80 classes are
            MS-COCO's and 20 are PASCAL VOC's.
        alphabetical: Whether the code base has MS-COCO's classes in alphabetical order, in place
            of that of the category ids. PASCAL VOC's are alphabetical everywhere.

    Returns:
        The names in the checkpoint's order, and ``'coco'``, ``'voc'`` or None.

    Raises:
        ValueError: If C is neither and no file is given, or the file has another number of names.
    """
    if given is not None:
        names = list(resolve_classes(read_class_names(given)))
        if len(names) != number:
            raise ValueError(
                f"--classes {given} has {len(names)} names but the checkpoint {number} classes; "
                "give the file of those that it was trained on, in their order"
            )
        return names, None
    if number not in LISTS:
        raise ValueError(
            f"the checkpoint has {number} classes, so they are neither MS-COCO's 80 nor PASCAL "
            "VOC's 20; give their names, one a line in the checkpoint's order, with --classes FILE"
        )
    kind = LISTS[number]
    known = CLASS_LISTS[kind]
    return sorted(known) if alphabetical else list(known), kind
