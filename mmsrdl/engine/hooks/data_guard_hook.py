"""A guard that data, model and metric agree."""

import logging
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn

from mmsrdl.datasets import VOCMultiLabel, inner_datasets
from mmsrdl.datasets.class_names import first_difference
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.engine.hooks.built_loops import Classes, built_loops, classes_of
from mmsrdl.engine.hooks.vocabulary_hook import follows_vocabulary
from mmsrdl.evaluation import MultiLabelMetric, Protocol
from mmsrdl.evaluation.protocols import DIFFICULT_WORDS
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class DataGuardHook(Hook):
    """Refuses, before anything is computed, what would give wrong figures or fail later.

    Classes of data sets, head and its parts that differ in number, name or order, unless the head
    is one of open vocabularies that a :class:`VocabularyHook` tells them; a data set without a
    pipeline; Pascal VOC evaluated with its training labels; images that are to be skipped where
    others would count in their place; a metric's ``topk`` beyond the number of classes. Warns of a
    metric's protocol that counts what the data set does not give: images without a label, difficult
    objects.

    Raises:
        ValueError: In ``before_run``, before a checkpoint is read.
    """

    def before_run(self, runner: Runner) -> None:
        """Looks at all loops that are built, and at the model."""
        first, is_free = None, follows_vocabulary(runner)
        for stage, loop in built_loops(runner):
            _check_data(f"{stage}_dataloader.dataset", loop.dataloader.dataset, stage != "train")
            _check_skipping(stage, loop)
            classes = classes_of(loop)
            if not classes:
                continue
            first = first or (f"{stage}_dataloader", classes)
            if classes != first[1] and not is_free:
                raise ValueError(
                    f"{stage}_dataloader and {first[0]} do not have the same classes: "
                    f"{first_difference(classes, first[1])}; give both data sets the same "
                    "metainfo=dict(classes=[...])"
                )
            _check_model(bare_model(runner), f"{stage}_dataloader", classes, is_free)
            _check_metrics(f"{stage}_evaluator", loop, len(classes))


def num_outputs(head: Any) -> int | None:
    """Returns the number of classes a head scores, None where its kind is not known."""
    if hasattr(head, "csra_heads"):
        return head.csra_heads[0].head.out_channels
    number = getattr(head, "num_classes", None)
    return getattr(getattr(head, "fc", None), "out_features", None) if number is None else number


def _check_data(name: str, dataset: Any, is_evaluated: bool) -> None:
    for inner in inner_datasets(dataset):
        if not getattr(getattr(inner, "pipeline", None), "transforms", True):
            raise ValueError(
                f"{name} has no pipeline, so that no image is read; give it pipeline=[...], such "
                "as pipeline={{_base_.train_pipeline}} after a _delete_=True"
            )
        if is_evaluated and isinstance(inner, VOCMultiLabel) and inner.difficult_by_mode:
            raise ValueError(
                f"{name} is evaluated with test_mode=False, which takes difficult objects as "
                "negative; set test_mode=True to leave them out, or say difficult='negative'"
            )


def _check_skipping(stage: str, loop: Any) -> None:
    """Refuses on_bad_image='skip' where another image's figures or labels would count."""
    for inner in inner_datasets(loop.dataloader.dataset):
        if getattr(inner, "on_bad_image", "raise") != "skip":
            continue
        is_evaluated = stage != "train"
        if inner.test_mode != is_evaluated:
            raise ValueError(
                f"{stage}_dataloader.dataset has on_bad_image='skip' and test_mode="
                f"{inner.test_mode}, so that another image would count for one that cannot be "
                f"loaded; set test_mode={is_evaluated}, or on_bad_image='raise'"
            )
        for metric in getattr(getattr(loop, "evaluator", None), "metrics", ()):
            if not getattr(metric, "leaves_out_bad_images", False):
                raise ValueError(
                    f"{stage}_dataloader.dataset has on_bad_image='skip', but {stage}_evaluator's "
                    f"{type(metric).__name__} would count the images that take the place of bad "
                    "ones; use mmsrdl.MultiLabelMetric, or on_bad_image='raise'"
                )


def _check_model(model: Any, loader: str, classes: Classes, is_free: bool) -> None:
    head = None if is_free else getattr(model, "head", None)
    for name, part in head.named_children() if isinstance(head, nn.Module) else ():
        names = getattr(part, "classes", None)
        if names is not None and tuple(names) != classes:
            raise ValueError(
                f"model.head.{name}.classes are not the classes of {loader}: "
                f"{first_difference(tuple(names), classes)}; give the {name} the data set's "
                "classes in their order"
            )
    size = num_outputs(head)
    if size is not None and size != len(classes):
        raise ValueError(
            f"model.head has {size} outputs but {loader} has {len(classes)} classes; set "
            f"model.head.num_classes={len(classes)}"
        )
    preprocessor = getattr(model, "data_preprocessor", None)
    size = getattr(preprocessor, "num_classes", None)
    if getattr(preprocessor, "to_onehot", False) and size != len(classes):
        raise ValueError(
            f"data_preprocessor makes labels of num_classes={size} but {loader} has "
            f"{len(classes)} classes; set data_preprocessor.num_classes={len(classes)}"
        )


def _check_metrics(name: str, loop: Any, num_classes: int) -> None:
    for metric in getattr(getattr(loop, "evaluator", None), "metrics", ()):
        if isinstance(metric, MultiLabelMetric) and (metric.topk or 0) > num_classes:
            raise ValueError(
                f"{name}.topk={metric.topk} exceeds the {num_classes} classes of the data; use 1 "
                f"to {num_classes}, or None"
            )
        if isinstance(metric, MultiLabelMetric):
            for protocol in metric.protocols:
                for inner in inner_datasets(loop.dataloader.dataset):
                    if remark := _not_given(protocol, inner):
                        print_log(f"{name}: {remark}", logger="current", level=logging.WARNING)


def _not_given(protocol: Protocol, dataset: Any) -> str:
    """What a protocol counts and a data set does not give; '' for nothing."""
    if protocol.empties == "kept" and getattr(dataset, "filter_empty", False):
        return (
            f"protocol {protocol.name} counts images without a label, which the data set drops; "
            "filter_empty=False keeps them"
        )
    policy = getattr(dataset, "difficult", "unknown")
    if isinstance(dataset, VOCMultiLabel) and policy not in ("unknown", protocol.difficult):
        return (
            f"protocol {protocol.name} takes difficult objects as "
            f"{DIFFICULT_WORDS[protocol.difficult]}, but the data set has made them {policy}; "
            "difficult='unknown' leaves it to the protocol"
        )
    return ""
