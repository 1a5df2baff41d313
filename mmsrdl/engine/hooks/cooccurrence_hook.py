"""Label graphs from the labels of the training set."""

import logging
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.cooccurrence import Cooccurrence, cooccurrence_matrix
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.engine.hooks.built_loops import built_loops, classes_of
from mmsrdl.models.label_graph import CooccurrenceGraph
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class CooccurrenceHook(Hook):
    """Gives label graphs the label co-occurrence of the training set.

    Of use to parts such as ``GCNLabelEmbedder(adjacency='cooccurrence')`` that no file of counts
    was given for (:class:`CooccurrenceGraph`); without such a part nothing is counted. Labels
    alone are looked at, by every process alike, and only known ones (:class:`Cooccurrence`):
    warnings name the classes of which they say too little. A checkpoint that is loaded afterwards,
    to resume or as ``load_from``, brings its own graph.

    Raises:
        ValueError: In ``before_run``, if the training set's labels cannot be counted, or lack a
            class of the model.
    """

    def before_run(self, runner: Runner) -> None:
        """Counts, if the run trains and the model has such a part."""
        graphs = [
            part
            for part in bare_model(runner).modules()
            if isinstance(part, CooccurrenceGraph) and part.wants_counts
        ]
        for stage, loop in built_loops(runner):
            if stage == "train" and graphs:
                counts, classes = cooccurrence_matrix(loop.dataloader.dataset), classes_of(loop)
                for part in graphs:
                    part.take_counts(counts, classes)
                _warn(counts, classes)


def _warn(counts: Cooccurrence, classes: Sequence[str]) -> None:
    """Names the classes of which the labels do not say what they appear with."""
    for which, what in (
        (counts.without_positive, "no known positive, and so no neighbours in the label graph"),
        (
            counts.assumed_negative,
            "no known negative beside a positive: the label graph takes their unknown labels for "
            "negative, which makes P(that class | another) a lower bound",
        ),
    ):
        names = [name for name, told in zip(classes, which.tolist(), strict=True) if told]
        if names:
            print_log(
                f"training set: {len(names)} of {len(classes)} classes have {what}: "
                f"{first_of(names)}",
                logger="current",
                level=logging.WARNING,
            )
