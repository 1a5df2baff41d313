"""A guard that data, head and checkpoint speak of the same classes."""

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmsrdl.datasets.class_names import first_difference
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class ClassGuardHook(Hook):
    """Refuses a head whose classes are not the data's: in number, name or order.

    A head of another size, embeddings of other classes, and two data sets that number their
    classes differently otherwise give wrong figures without a word.

    Raises:
        ValueError: In ``before_run``, before a checkpoint is read.
    """

    def before_run(self, runner: Runner) -> None:
        """Compares the class names of the data sets with each other and with the head's."""
        head = getattr(bare_model(runner), "head", None)
        embedded = getattr(getattr(head, "embedder", None), "classes", None)
        size, first = num_outputs(head), None
        for loader, classes in data_classes(runner):
            if first is not None and classes != first[1]:
                raise ValueError(
                    f"{loader} and {first[0]} do not have the same classes: "
                    f"{first_difference(classes, first[1])}; give both data sets the same "
                    "metainfo=dict(classes=[...])"
                )
            first = first or (loader, classes)
            if embedded is not None and tuple(embedded) != classes:
                raise ValueError(
                    f"model.head.embedder.classes are not the classes of {loader}: "
                    f"{first_difference(tuple(embedded), classes)}; give the embedder the data "
                    "set's classes in their order"
                )
            if size is not None and size != len(classes):
                raise ValueError(
                    f"model.head has {size} outputs but {loader} has {len(classes)} classes; set "
                    f"model.head.num_classes={len(classes)}"
                )


def data_classes(runner: Runner) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields the name of every data loader that is built, and its data set's class names."""
    for stage in ("train", "val", "test"):
        loop = getattr(runner, f"_{stage}_loop")
        if isinstance(loop, BaseLoop):
            meta = getattr(loop.dataloader.dataset, "metainfo", None) or {}
            if meta.get("classes"):
                yield f"{stage}_dataloader", tuple(meta["classes"])


def num_outputs(head: Any) -> int | None:
    """Returns the number of classes a head scores, None where its kind is not known."""
    if hasattr(head, "csra_heads"):
        return head.csra_heads[0].head.out_channels
    number = getattr(head, "num_classes", None)
    return getattr(getattr(head, "fc", None), "out_features", None) if number is None else number
