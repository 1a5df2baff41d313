"""The config of a training on images of one's own."""

import json
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmsrdl.apis.model_index import config_path, model_index
from mmsrdl.arguments import check_integer
from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.class_names import check_class_names
from mmsrdl.datasets.formats import Annotations, read_annotations
from mmsrdl.models.embedders import load_word_vectors
from mmsrdl.models.weights import backbone_init_cfg

__all__ = ["OwnConfig", "own_bases", "own_config"]

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
        ValueError: If a file cannot be read, a label is outside the classes, or an option does not
            fit the base.
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
    init_cfg, start = _backbone(cfg, weights, home)
    lines = [
        *_head(base, names, counts),
        *_data(splits, home, batch_size),
        *_model(cfg, len(names), init_cfg, _embedder(cfg, vectors, names, home)),
    ]
    if epochs is not None:
        lines.append(f"train_cfg = dict(max_epochs={epochs})")
    lines += _few_classes(cfg, len(names))
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


def _head(base: str, classes: Sequence[str], counts: dict[str, int]) -> list[str]:
    images = ", ".join(f"{count:,} images of {name}" for name, count in counts.items())
    lines = [f"# {len(classes)} classes; {images}. Written by `mmsrdl data init`."]
    if "test" not in counts:
        lines.append(
            "# There is no test set: `mmsrdl test` uses the validation images, on which the best "
            "epoch\n# and thresholds are chosen, so that its figures are too good."
        )
    names = ", ".join(map(_quoted, classes))
    wrapped = textwrap.wrap(names, 96, break_long_words=False, break_on_hyphens=False)
    one_line = f"classes = [{names}]"
    lines += [f'_base_ = "mmsrdl::own/{base}.py"', ""]
    if len(one_line) <= 100:
        return [*lines, one_line]
    return [*lines, "classes = [", *(f"    {line}" for line in wrapped), "]  # fmt: skip"]


def _data(splits: dict[str, _Split], home: Path, batch_size: int | None) -> list[str]:
    folders = [
        folder
        for split in splits.values()
        for folder in (split.images, os.path.dirname(split.file))
    ]
    root = os.path.commonpath(folders)
    lines = [f"data_root = {_path(root, home)}"]
    for name, split in splits.items():
        fields = [
            "data_root=data_root",
            f"ann_file={_quoted(_below(split.file, root))}",
            f"data_prefix={_quoted(_below(split.images, root))}",
            "metainfo=dict(classes=classes)",
        ]
        size = f"batch_size={batch_size}, " if name == "train" and batch_size else ""
        lines += [
            f"{name}_dataloader = dict(",
            f"    {size}dataset=dict({', '.join(fields[:3])}, {fields[3]}),",
            ")",
        ]
    if "test" not in splits:
        lines.append("test_dataloader = val_dataloader")
    return lines


def _model(cfg: Config, num_classes: int, init_cfg: str | None, embedder: list[str]) -> list[str]:
    lines = ["model = dict("]
    if init_cfg is not None:
        lines.append(f"    backbone=dict(init_cfg={init_cfg}),")
    head = [f"num_classes={num_classes}"]
    if cfg.model.head.get("embedder") is not None:
        head.append(f"embedder=dict({', '.join(embedder)})")
    return [*lines, f"    head=dict({', '.join(head)}),", ")"]


def _embedder(cfg: Config, vectors: str | None, classes: Sequence[str], home: Path) -> list[str]:
    """Returns the fields of the label embedder."""
    fields = ["classes=classes"]
    if vectors is None:
        return fields
    if cfg.model.head.get("embedder") is None:
        raise ValueError(
            f"vectors={vectors!r}: the base's head has no label embedder; leave them out, or take "
            "another base"
        )
    size = load_word_vectors(vectors, classes).shape[1]
    return [*fields, f"word_vectors={_path(os.path.abspath(vectors), home)}", f"embed_dims={size}"]


def _backbone(cfg: Config, weights: str | None, home: Path) -> tuple[str | None, str]:
    """Returns the text of the backbone's init_cfg, and what it starts from."""
    if weights is None:
        given = cfg.model.backbone.get("init_cfg")
        if not given:
            return None, "from scratch: the base has no ImageNet weights"
        return None, f"ImageNet weights {given.checkpoint}, downloaded when training starts"
    path = os.path.abspath(os.path.expanduser(weights))
    scope = cfg.get("default_scope") or "mmpretrain"
    init_cfg = backbone_init_cfg(path, {"_scope_": scope, **cfg.model.backbone})
    scheme = init_cfg["checkpoint"].removesuffix(path)
    fields = ['type="Pretrained"', f"checkpoint={_path(path, home, scheme)}"]
    if "prefix" in init_cfg:
        fields.append(f"prefix={_quoted(init_cfg['prefix'])}")
    return f"dict({', '.join(fields)})", f"weights of {weights}"


def _few_classes(cfg: Config, num_classes: int) -> list[str]:
    """Returns what fewer than three classes need: no top-3 of them."""
    if num_classes >= TOPK:
        return []
    lines = [
        f"val_evaluator = dict(topk={num_classes})",
        "test_evaluator = val_evaluator",
    ]
    if cfg.default_hooks.get("oe"):
        lines.append(f"default_hooks = dict(oe=dict(topk={num_classes}))")
    return lines


def _path(path: str, home: Path, scheme: str = "") -> str:
    """Returns a path as a literal, relative to the config's folder where it lies below."""
    if Path(os.path.realpath(path)).is_relative_to(home):
        below = _below(os.path.realpath(path), str(home))
        return _quoted(f"{scheme}{{{{ fileDirname }}}}" + (f"/{below}" if below else ""))
    return _quoted(scheme + Path(path).as_posix())


def _below(path: str, root: str) -> str:
    below = Path(os.path.relpath(path, root)).as_posix()
    return "" if below == "." else below


def _quoted(value: Any) -> str:
    """Returns a string as a literal in double quotes."""
    return json.dumps(value, ensure_ascii=False)
