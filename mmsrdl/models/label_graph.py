"""Label graphs that are made of label co-occurrence."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmsrdl.datasets.class_names import resolve_classes
from mmsrdl.datasets.cooccurrence import (
    Cooccurrence,
    conditional_probability,
    load_cooccurrence,
    reorder_counts,
)

__all__ = ["CooccurrenceGraph"]


class CooccurrenceGraph(BaseModule):
    """Base of parts with a label graph ``adjacency``, [C, C], made of label counts.

    The counts come from a file, which ``init_weights()`` reads, or, without a file, from the
    training set, on which ``mmsrdl.CooccurrenceHook`` counts them; outside a runner,
    ``part.take_counts(cooccurrence_matrix(dataset), classes)`` does the same. From then on the
    graph is in the state dict, so a checkpoint needs neither.

    A subclass calls :meth:`await_counts` in its constructor for the first value of its parameter
    or buffer ``adjacency``, says in :meth:`graph_of` what it makes of the counts, and reads the
    graph by :meth:`graph`.
    """

    adjacency: Tensor | None
    classes: tuple[str, ...] | None
    cooccurrence_file: str | None = None
    _is_counted = False
    _graph_present = True

    def await_counts(
        self, num_classes: int, classes: Sequence[str] | str | None, cooccurrence: str | None
    ) -> Tensor:
        """Announces that the graph is made of counts.

        Args:
            num_classes: C.
            classes: Names of the part's classes, in their order, or ``'coco'`` / ``'voc'``. None:
                those of the training set.
            cooccurrence: File of counts, see :func:`mmsrdl.datasets.save_cooccurrence`. None: they
                are counted on the training set.

        Returns:
            [C, C] of NaN: the graph until counts or a checkpoint are there.

        Raises:
            ValueError: If there is a file but no names to look up in it, or the names are not C.
        """
        if classes is None and cooccurrence is not None:
            raise ValueError(
                f"cooccurrence={cooccurrence!r} is looked up by class name; give {self._name} "
                "classes=[...], the data set's in their order"
            )
        self.classes = None if classes is None else resolve_classes(classes)
        if self.classes is not None and len(self.classes) != num_classes:
            raise ValueError(
                f"classes has {len(self.classes)} names but num_classes={num_classes}; give "
                f"{self._name} the class names of the data set"
            )
        self.cooccurrence_file = cooccurrence
        self._is_counted, self._graph_present = True, False
        return torch.full((num_classes, num_classes), torch.nan)

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def wants_counts(self) -> bool:
        """Whether the graph is made of counts that no file gives."""
        return self._is_counted and self.cooccurrence_file is None

    def graph_of(self, counts: Cooccurrence) -> Tensor:
        """Makes the graph; here P(j | i), [C, C] with ones on the diagonal.

        Args:
            counts: Of the part's classes, [C, C]. A class without a known positive must get
                finite numbers.
        """
        return conditional_probability(counts)

    @torch.no_grad()
    def take_counts(self, counts: Cooccurrence, classes: Sequence[str]) -> None:
        """Makes the graph of counts.

        Args:
            counts: [M, M] of :func:`mmsrdl.datasets.cooccurrence_matrix`.
            classes: Their M class names; a part that knows its own picks and orders by name.

        Raises:
            ValueError: If a class of the part has no counts.
        """
        if self.classes is not None:
            counts = reorder_counts(counts, classes, self.classes, "the training set")
        self._fill(counts)

    @torch.no_grad()
    def init_weights(self) -> None:
        """Initialises the part, and reads the file of counts where one is given."""
        super().init_weights()
        if self.cooccurrence_file is not None and self.classes is not None:
            self._fill(load_cooccurrence(self.cooccurrence_file, self.classes))

    def _fill(self, counts: Cooccurrence) -> None:
        shape = counts.positive.shape
        if self.adjacency is None or shape != self.adjacency.shape:
            wanted = None if self.adjacency is None else list(self.adjacency.shape)
            raise ValueError(
                f"{self._name} has a graph {wanted} but the counts are {list(shape)}; count "
                "them on a data set of the model's classes"
            )
        self.adjacency.copy_(self.graph_of(counts))

    def graph(self) -> Tensor:
        """Returns the graph, [C, C].

        Raises:
            RuntimeError: If it was never made.
        """
        assert self.adjacency is not None  # else there is none to ask for
        if not self._graph_present:
            self._check_graph()
        return self.adjacency

    def _check_graph(self) -> None:
        assert self.adjacency is not None
        if self.adjacency.isnan().any():
            source = "call model.init_weights()"
            if self.cooccurrence_file is None:
                source = (
                    "train with default_hooks=dict(cooccurrence=dict(type="
                    "'mmsrdl.CooccurrenceHook')), which configs/_base_/default_runtime.py has, or "
                    "give cooccurrence=FILE"
                )
            raise RuntimeError(
                f"the label graph of {self._name} was never made of label counts: {source}, or "
                "load a checkpoint, before the first forward pass"
            )
        self._graph_present = True
