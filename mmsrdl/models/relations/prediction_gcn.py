"""P-GCN: a graph convolution over an image's class features, down to their scores."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number, check_sizes
from mmsrdl.datasets.cooccurrence import Cooccurrence
from mmsrdl.models.attention.base import AttentionMaps
from mmsrdl.models.class_features import check_class_features
from mmsrdl.models.embedders.adjacency import (
    check_reweighting,
    normalize_adjacency,
    reweighted_adjacency,
)
from mmsrdl.models.label_graph import CooccurrenceGraph
from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.registry import MODELS


@MODELS.register_module()
class PredictionGCN(CooccurrenceGraph, ClassRelation):
    r"""Lets class features listen to their neighbours' in a fixed graph of label counts.

    .. math:: u_c = v_c \odot f_c, \qquad H = \mathrm{LeakyReLU}(\hat A U W^1), \qquad
              S = \hat A H W^2

    :math:`\hat A` is ML-GCN's graph, :func:`reweighted_adjacency` normalised as there. The learned
    v_c takes the class's share of every channel of a feature that all classes share: the sum of
    u_c is a linear classifier's score. With a last size of 1, S are the logits
    (:class:`IdentityClassifier`).

    Source: reconstructed from the abstract of "Learning Graph Convolutional Networks for
    Multi-Label Recognition and Applications" (Chen et al., TPAMI 2023), its P-GCN: "decomposes
    the visual representation into a set of label-aware features", which a GCN "encodes into
    inter-dependent prediction scores". Nothing more was at hand: what that leaves open (the
    decomposition, depth, widths, initialisation) is ML-GCN's or ours.

    Args:
        num_classes: C.
        in_channels: E of the class features.
        hidden_dims: Sizes of the layers' outputs.
        classes: C class names, by which the counts are looked up. None: in the order of the
            training set, which the head's is.
        cooccurrence: File of label counts, which needs ``classes``. None: those of the training
            set, see :class:`CooccurrenceGraph`.
        decompose: Whether features are weighted by v_c, without which they must be classes' own.
        threshold: See :func:`reweighted_adjacency`.
        neighbor_weight: Likewise.
        negative_slope: Slope of LeakyReLU, which the last layer ends without.

    Shapes:
        - Input: [B, C, E], or [B, 1, E] where all classes share one feature.
        - Output: [B, C, ``hidden_dims[-1]``].

    Raises:
        TypeError: If an option is of another type.
        ValueError: If an option is out of range, or a file comes without names; in the forward
            pass, if a shared feature is not decomposed.
    """

    adjacency: Tensor

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        hidden_dims: Sequence[int] = (1024, 1),
        classes: Sequence[str] | str | None = None,
        cooccurrence: str | None = None,
        decompose: bool = True,
        threshold: float = 0.4,
        neighbor_weight: float = 0.25,
        negative_slope: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("in_channels", in_channels, low=1, example=2048)
        check_reweighting(threshold, neighbor_weight)
        check_number("negative_slope", negative_slope, low=0, example=0.2)
        check_sizes("hidden_dims", hidden_dims, example=(1024, 1))
        if not hidden_dims:
            raise ValueError("hidden_dims=() must hold one size a layer, such as (1024, 1)")
        self.threshold, self.neighbor_weight = threshold, neighbor_weight
        self.negative_slope = negative_slope
        self.out_channels = hidden_dims[-1]
        self.register_buffer("adjacency", self.await_counts(num_classes, classes, cooccurrence))
        self.weight = nn.Parameter(torch.empty(num_classes, in_channels)) if decompose else None
        sizes = [in_channels, *hidden_dims]
        self.layers = nn.ModuleList(
            nn.Linear(sizes[i], sizes[i + 1], bias=False) for i in range(len(hidden_dims))
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws v_c from U(-1/sqrt(E), 1/sqrt(E)), a layer from U(-1/sqrt(out), 1/sqrt(out))."""
        if self.weight is not None:
            bound = self.weight.shape[1] ** -0.5
            nn.init.uniform_(self.weight, -bound, bound)
        for layer in self.layers:
            weight = cast(nn.Linear, layer).weight
            bound = weight.shape[0] ** -0.5
            nn.init.uniform_(weight, -bound, bound)

    def graph_of(self, counts: Cooccurrence) -> Tensor:
        r"""Makes \hat A, [C, C]."""
        graph = reweighted_adjacency(counts, self.threshold, self.neighbor_weight)
        return normalize_adjacency(graph, "transposed")

    def forward(self, feature: Tensor, maps: AttentionMaps) -> Tensor:
        """Computes class features that listened to each other; see :class:`ClassRelation`."""
        check_class_features(self, feature, len(self.adjacency), shared=True)
        if self.weight is not None:
            feature = feature * self.weight
        elif feature.shape[1] == 1 < len(self.adjacency):
            raise ValueError(
                f"decompose=False needs features of {len(self.adjacency)} classes, got "
                f"{list(feature.shape)}; set decompose=True, or use an attention that gives each "
                "class its own"
            )
        graph = self.graph()
        for number, layer in enumerate(self.layers, start=1):
            feature = graph @ layer(feature)
            if number < len(self.layers):
                feature = F.leaky_relu(feature, self.negative_slope)
        return feature
