"""Label graphs from the labels of the training set."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsrdl.datasets.cooccurrence import cooccurrence_matrix
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.engine.hooks.data_guard_hook import built_loops, classes_of
from mmsrdl.models.label_graph import CooccurrenceGraph
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class CooccurrenceHook(Hook):
    """Gives label graphs the label co-occurrence of the training set.

    Of use to parts such as ``GCNLabelEmbedder(adjacency='cooccurrence')`` that no file of counts
    was given for (:class:`CooccurrenceGraph`); without such a part nothing is counted. Labels
    alone are looked at, by every process alike. A checkpoint that is loaded afterwards, to resume
    or as ``load_from``, brings its own graph.

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
                counts = cooccurrence_matrix(loop.dataloader.dataset)
                for part in graphs:
                    part.take_counts(counts, classes_of(loop))
