"""The config of a training on images of one's own."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from mmengine.config import Config

from mmsrdl.apis.model_index import config_path, model_index
from mmsrdl.apis.report import no_report
from mmsrdl.arguments import check_integer
from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.class_names import check_class_names
from mmsrdl.datasets.formats import Annotations, read_annotations
from mmsrdl.models.embedders import load_word_vectors
from mmsrdl.models.weights import backbone_init_cfg

__all__ = ["OwnConfig", "own_bases", "own_config"]

WIDTH = 100
"""Of the lines, where paths let them be that short."""

Fields: TypeAlias = "dict[str, str | Fields]"
"""Fields of a dict in a config; strings are Python's text, such as ``'"train.csv"'``."""

TOPK = 3
"""Default of the metric's and of the erasing's topk, which fewer classes cannot have."""


@dataclass
class OwnConfig:
    """A config as text, and what it says.

    Attributes:
        text: Content of the file.
        classes: Class names.
        images: Images of each split, by its name.
        start: What the backbone starts from.
    """

    text: str
    classes: tuple[str, ...]
    images: dict[str, int]
    start: str


@dataclass
class _Split:
    """An annotation file and the folder of its images, both absolute."""

    file: str
    images: str
    annotations: Annotations


def own_bases() -> list[str]:
    """Returns the names of the configs that a config of one's own can inherit."""
    folder = model_index().parent / "configs" / "own"
    return sorted(path.stem for path in folder.glob("*.py"))


def own_config(
    out: str | os.PathLike[str],
    train: str,
    val: str,
    test: str | None = None,
    images: str | None = None,
    base: str = "srdl_lite0",
    classes: Sequence[str] | None = None,
    vectors: str | None = None,
    weights: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
) -> OwnConfig:
    """Makes a short config that inherits one of ``configs/own``; nothing is written.

    Paths below the config's folder are written relative to it, others absolute. Schedules of the
    bases end with the last epoch, so that ``train_cfg.max_epochs`` alone sets their length.

    Args:
        out: Where the config will lie.
        train: Annotation file of the training images.
        val: Annotation file of the validation images.
        test: Annotation file of the test images. Defaults to ``val``.
        images: Folder of all images. Defaults to that of each annotation file.
        base: One of :func:`own_bases`.
        classes: Class names in order. Defaults to those that ``train`` lists, or else to all that
            its labels name, sorted.
        vectors: File of label vectors; None learns them.
        weights: Checkpoint of the backbone's ImageNet weights; None takes what the base says.
        epochs: Number of epochs; None takes the base's.
        batch_size: Images a step; None takes the base's.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        ValueError: If a file cannot be read, a label is outside the classes, a name or path holds
            ``{{``, or an option does not fit the base.
    """
    if base not in own_bases():
        raise ValueError(f"base={base!r} is unknown; use one of {own_bases()}")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value is not None:
            check_integer(name, value, low=1, example=8)
    cfg = Config.fromfile(config_path(f"mmsrdl::own/{base}.py"))
    files = {"train": train, "val": val} | ({"test": test} if test else {})
    splits = {name: _read(path, images) for name, path in files.items()}
    found = splits["train"].annotations.found_classes()
    names = check_class_names(classes if classes is not None else found)
    for name, split in splits.items():
        _check_labels(name, split, names)
    home = Path(out).expanduser().resolve().parent
    counts = {name: len(split.annotations.records) for name, split in splits.items()}
    backbone, start = _backbone(cfg, weights, home)
    model: Fields = {"backbone": backbone} if backbone else {}
    model["head"] = _head(cfg, vectors, names, home)
    fields = {**_data(splits, home, batch_size), "model": model, **_few_classes(cfg, len(names))}
    if epochs is not None:
        fields["train_cfg"] = {"max_epochs": str(epochs)}
    lines = [*_comments(names, counts), f'_base_ = "mmsrdl::own/{base}.py"', ""]
    lines += _class_list(names)
    for key, field in fields.items():
        lines += _assignment(key, field)
    return OwnConfig("\n".join(lines) + "\n", names, counts, start)


def _read(path: str, images: str | None) -> _Split:
    annotations = read_annotations(path)
    folder = annotations.images if images is None else os.path.expanduser(images)
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"images='{folder}', the folder of the images of '{path}', does not exist; give it "
            "with --images DIR"
        )
    return _Split(os.path.abspath(annotations.source), os.path.abspath(folder), annotations)


def _check_labels(name: str, split: _Split, classes: Sequence[str]) -> None:
    records = split.annotations.records
    if not records:
        raise ValueError(f"{name}='{split.file}' lists no image")
    found = {label for record in records for label in (*record.labels, *record.unknown)}
    strange = sorted(found - set(classes))
    if strange:
        raise ValueError(
            f"{name}='{split.file}' has labels that are none of the {len(classes)} classes: "
            f"{first_of(strange)}. Mend them, or give all classes with --classes FILE; `mmsrdl "
            "data check` names the images"
        )


def _data(splits: dict[str, _Split], home: Path, batch_size: int | None) -> Fields:
    root = _common_root(splits)
    places = {name: _places(split, root, home) for name, split in splits.items()}
    dataset: Fields = {} if root is None else {"data_root": _path(root, home)}
    prefixes = {prefix for _, prefix in places.values()}
    if len(prefixes) == 1:
        dataset["data_prefix"] = prefixes.pop()
    fields: Fields = {"dataset": {**dataset, "metainfo": {"classes": "classes"}}}
    for name, (file, prefix) in places.items():
        own: Fields = {"ann_file": file, **({"data_prefix": prefix} if prefixes else {})}
        size: Fields = {"batch_size": str(batch_size)} if name == "train" and batch_size else {}
        fields[f"{name}_dataloader"] = {**size, "dataset": {**own, "**dataset": ""}}
    if "test" not in splits:
        fields["test_dataloader"] = "val_dataloader"
    return fields


def _common_root(splits: dict[str, _Split]) -> str | None:
    """Returns the folder that holds files and images, None where they lie far apart."""
    folders = {
        folder
        for split in splits.values()
        for folder in (split.images, os.path.dirname(split.file))
    }
    root = os.path.commonpath(folders)
    return root if root in folders | {os.path.dirname(folder) for folder in folders} else None


def _places(split: _Split, root: str | None, home: Path) -> tuple[str, str]:
    """Returns ann_file and data_prefix as literals."""
    if root is None:
        return _path(split.file, home), _path(split.images, home)
    return _quoted(_below(split.file, root)), _quoted(_below(split.images, root))


def _head(cfg: Config, vectors: str | None, classes: Sequence[str], home: Path) -> Fields:
    head: Fields = {"num_classes": str(len(classes))}
    has_embedder = cfg.model.head.get("embedder") is not None
    if vectors is not None and not has_embedder:
        raise ValueError(
            f"vectors={vectors!r}: the base's head has no label embedder; leave them out, or take "
            "another base"
        )
    if has_embedder:
        embedder: Fields = {"classes": "classes"}
        if vectors is not None:
            size = load_word_vectors(vectors, classes).shape[1]
            embedder["word_vectors"] = _path(os.path.abspath(vectors), home)
            embedder["embed_dims"] = str(size)
        head["embedder"] = embedder
    return head


def _backbone(cfg: Config, weights: str | None, home: Path) -> tuple[Fields, str]:
    """Returns the fields of the backbone, and what it starts from."""
    if weights is None:
        given = cfg.model.backbone.get("init_cfg")
        if not given:
            return {}, "from scratch: the base has no ImageNet weights"
        return {}, f"ImageNet weights {given.checkpoint}, downloaded when training starts"
    path = os.path.abspath(os.path.expanduser(weights))
    scope = cfg.get("default_scope") or "mmpretrain"
    with no_report():
        init_cfg = backbone_init_cfg(path, {"_scope_": scope, **cfg.model.backbone})
    scheme = init_cfg["checkpoint"].removesuffix(path)
    fields: Fields = {"type": _quoted("Pretrained"), "checkpoint": _path(path, home, scheme)}
    if "prefix" in init_cfg:
        fields["prefix"] = _quoted(init_cfg["prefix"])
    return {"init_cfg": fields}, f"weights of {weights}"


def _few_classes(cfg: Config, num_classes: int) -> Fields:
    """Returns what fewer than three classes need: no top-3 of them."""
    if num_classes >= TOPK:
        return {}
    topk: Fields = {"topk": str(num_classes)}
    fields: Fields = {"val_evaluator": topk, "test_evaluator": "val_evaluator"}
    if cfg.default_hooks.get("oe"):
        fields["default_hooks"] = {"oe": topk}
    return fields


def _path(path: str, home: Path, scheme: str = "") -> str:
    """Returns a path as a literal, relative to the config's folder where it lies below."""
    if Path(os.path.realpath(path)).is_relative_to(home):
        below = _below(os.path.realpath(path), str(home))
        rest = _quoted(f"/{below}" if below else "")
        return _quoted(scheme)[:-1] + "{{ fileDirname }}" + rest[1:]
    return _quoted(scheme + Path(path).as_posix())


def _below(path: str, root: str) -> str:
    below = Path(os.path.relpath(path, root)).as_posix()
    return "" if below == "." else below


def _quoted(value: str) -> str:
    """Returns a string as a literal in double quotes.

    Raises:
        ValueError: If MMEngine would fill it in when it reads the config, which can turn the rest
            of a name into code.
    """
    if "{{" in value:
        raise ValueError(
            f"{value!r} holds '{{{{', in place of which MMEngine's configs put variables; rename "
            "the class, file or folder"
        )
    return json.dumps(value, ensure_ascii=False)


def _comments(classes: Sequence[str], counts: dict[str, int]) -> list[str]:
    images = ", ".join(f"{count:,} images of {name}" for name, count in counts.items())
    lines = [f"# {len(classes)} classes; {images}. Written by `mmsrdl data init`."]
    if "test" not in counts:
        lines += [
            "# There is no test set: `mmsrdl test` uses the validation images, on which the best",
            "# epoch is chosen, so that its figures are too good.",
        ]
    return lines


def _class_list(classes: Sequence[str]) -> list[str]:
    names = list(map(_quoted, classes))
    if len(f"classes = [{', '.join(names)}]") <= WIDTH:
        return [f"classes = [{', '.join(names)}]"]
    rows = [" " * 4]
    for name in names:
        if len(rows[-1]) + len(name) >= WIDTH and rows[-1].strip():
            rows.append(" " * 4)
        rows[-1] += f"{name}, "
    return ["classes = [", *(row.rstrip() for row in rows), "]  # fmt: skip"]


def _assignment(name: str, value: "str | Fields") -> list[str]:
    """Returns the lines that give a variable its value."""
    line = f"{name} = {_flat(value)}"
    if isinstance(value, str) or len(line) <= WIDTH:
        return [line]
    return [f"{name} = dict(", *_indented(value, 4), ")"]


def _indented(fields: "Fields", indent: int) -> Iterator[str]:
    """Yields the lines of a dict's fields, each on one line if it is short."""
    space = " " * indent
    for name, value in fields.items():
        line = f"{space}{_field(name, value)},"
        if isinstance(value, str) or len(line) <= WIDTH:
            yield line
        else:
            yield f"{space}{name}=dict("
            yield from _indented(value, indent + 4)
            yield f"{space}),"


def _field(name: str, value: "str | Fields") -> str:
    return name if name.startswith("**") else f"{name}={_flat(value)}"


def _flat(value: "str | Fields") -> str:
    if isinstance(value, str):
        return value
    return f"dict({', '.join(_field(*item) for item in value.items())})"
