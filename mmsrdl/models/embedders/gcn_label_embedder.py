"""Contextualised label embeddings: word vectors passed through a learned label graph."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number, check_sizes
from mmsrdl.models.embedders.adjacency import (
    ADJACENCIES,
    NORMALIZATIONS,
    init_adjacency,
    normalize_adjacency,
)
from mmsrdl.models.embedders.word_vector_embedder import WordVectorEmbedder
from mmsrdl.models.label_graph import CooccurrenceGraph
from mmsrdl.registry import MODELS


@MODELS.register_module()
class GCNLabelEmbedder(CooccurrenceGraph, WordVectorEmbedder):
    r"""Embeds every class by a graph convolution over all classes.

    .. math:: A^{l+1} = \mathrm{LeakyReLU}(\hat V A^l W^l), \qquad x_c = A^L_c

    Source: SRDL, Sec. 3.2, Eq. (3). The paper's text swaps the roles of the two
    symbols in one sentence; here A [C, d'] are the node features, which start as
    word vectors, and V [C, C] is the adjacency, randomly initialised and
    learned. The paper leaves open the depth (2 layers here), the slope (0.2, as
    in ML-GCN), the normalisation (see :func:`normalize_adjacency`) and whether
    the word vectors are trained (they are not): each is an argument.

    The vectors are read by ``init_weights()`` and then belong to the state dict,
    so a checkpoint can be used where the file of word vectors is not at hand.

    Args:
        classes: C class names, or ``'coco'`` / ``'voc'``.
        word_vectors: File of word vectors, see :func:`load_word_vectors`.
            None: vectors start random and are learned.
        embed_dims: d', the size of the word vectors and of every layer's output.
        hidden_dims: Sizes of the layers' outputs where they differ from
            ``embed_dims``; its length then is the number of layers.
        num_layers: L; 0 leaves out the graph ("w/o GCN", Table 6): x_c = A^0_c.
        learn_vectors: Whether A^0 is trained. Defaults to ``word_vectors is None``.
        adjacency: Initial V: ``'random'``, ``'identity'`` or ``'cooccurrence'``.
        cooccurrence: File of label counts for ``adjacency='cooccurrence'``,
            see :func:`mmsrdl.datasets.save_cooccurrence`. None: they are counted
            on the training set, see :class:`CooccurrenceGraph`.
        learn_adjacency: Whether V is trained.
        normalization: Of V: ``'symmetric'``, ``'row'``, ``'transposed'`` or ``'none'``.
        negative_slope: Slope of LeakyReLU.
        activate_last: False ends the last layer without LeakyReLU.

    Shapes:
        - Output x: [C, ``out_dims``].

    Raises:
        TypeError: If a size is no integer or the slope no number.
        ValueError: For an unknown or contradictory option, or one out of range.
    """

    classes: tuple[str, ...]

    def __init__(
        self,
        classes: Sequence[str] | str,
        word_vectors: str | None = None,
        embed_dims: int = 300,
        hidden_dims: Sequence[int] | None = None,
        num_layers: int = 2,
        learn_vectors: bool | None = None,
        adjacency: str = "random",
        cooccurrence: str | None = None,
        learn_adjacency: bool = True,
        normalization: str = "symmetric",
        negative_slope: float = 0.2,
        activate_last: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        learn_vectors = word_vectors is None if learn_vectors is None else learn_vectors
        super().__init__(classes, word_vectors, embed_dims, learn_vectors, init_cfg=init_cfg)
        check_integer("num_layers", num_layers, low=0, example=2)
        check_number("negative_slope", negative_slope, low=0, example=0.2)
        if hidden_dims is not None:
            check_sizes("hidden_dims", hidden_dims, example=(300, 300))
        if hidden_dims is None:
            hidden_dims = [embed_dims] * num_layers
        elif len(hidden_dims) != num_layers:
            raise ValueError(
                f"hidden_dims={list(hidden_dims)} has {len(hidden_dims)} layers but "
                f"num_layers={num_layers}; give one size a layer"
            )
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                f"normalization={normalization!r} is unknown; use one of {NORMALIZATIONS}"
            )
        if adjacency not in ADJACENCIES:
            raise ValueError(f"adjacency={adjacency!r} is unknown; use one of {ADJACENCIES}")
        if cooccurrence is not None and not (num_layers and adjacency == "cooccurrence"):
            raise ValueError(
                f"cooccurrence={cooccurrence!r} has no effect with adjacency={adjacency!r} and "
                f"num_layers={num_layers}; set adjacency='cooccurrence', or drop it"
            )
        self.normalization, self.negative_slope = normalization, negative_slope
        self.activate_last = activate_last
        self.out_dims = hidden_dims[-1] if num_layers else embed_dims

        self.adjacency: nn.Parameter | None = None
        if num_layers:
            if adjacency == "cooccurrence":
                start = self.await_counts(len(self.classes), self.classes, cooccurrence)
            else:
                start = init_adjacency(adjacency, len(self.classes))
            self.adjacency = nn.Parameter(start, requires_grad=learn_adjacency)
        sizes = [embed_dims, *hidden_dims]
        self.layers = nn.ModuleList(
            nn.Linear(sizes[i], sizes[i + 1], bias=False) for i in range(num_layers)
        )

    @torch.no_grad()
    def init_weights(self) -> None:
        """Reads the word vectors and the graph's file, and initialises the layers."""
        super().init_weights()
        for layer in self.layers:
            self.init_layer(cast(nn.Linear, layer).weight)

    def init_layer(self, weight: Tensor) -> None:
        """Draws the weights of one layer, [out, in]: Xavier's uniform rule."""
        gain = nn.init.calculate_gain("leaky_relu", self.negative_slope)
        nn.init.xavier_uniform_(weight, gain)

    def forward(self) -> Tensor:
        """Computes x, [C, out_dims]; it depends on labels alone, not on an image.

        Raises:
            RuntimeError: If no word vectors were ever loaded, or no label counts.
        """
        x = self.present_vectors()
        if self.adjacency is None:
            return x
        graph = normalize_adjacency(self.graph(), self.normalization)
        for number, layer in enumerate(self.layers, start=1):
            x = graph @ layer(x)
            if self.activate_last or number < len(self.layers):
                x = F.leaky_relu(x, self.negative_slope)  # Eq. (3)
        return x
