"""ML-GCN's classifier weights: word vectors through a fixed graph of label counts."""

from collections.abc import Sequence

from torch import Tensor, nn

from mmsrdl.arguments import check_sizes
from mmsrdl.datasets.cooccurrence import Cooccurrence
from mmsrdl.models.embedders.adjacency import check_reweighting, reweighted_adjacency
from mmsrdl.models.embedders.gcn_label_embedder import GCNLabelEmbedder
from mmsrdl.registry import MODELS


@MODELS.register_module()
class MLGCNLabelEmbedder(GCNLabelEmbedder):
    r"""Makes a classifier of every class from its word vector and its neighbours'.

    .. math:: X^1 = \mathrm{LeakyReLU}(\hat A X^0 W^1), \qquad X^2 = \hat A X^1 W^2

    with :math:`\hat A_{ij} = A_{ji} / \sqrt{r_i r_j}`, :math:`r_i = \sum_j A_{ij}`, and A of
    :func:`reweighted_adjacency`, which is not learned. Source: ML-GCN (Chen et al., CVPR 2019),
    Eqs. (2) and (6)-(8), as in its public code.

    Args:
        classes: C class names, or ``'coco'`` / ``'voc'``.
        word_vectors: File of word vectors, see :class:`GCNLabelEmbedder`.
        embed_dims: d', the size of the word vectors.
        hidden_dims: Sizes of the layers' outputs; the last is that of the image feature.
        cooccurrence: File of label counts. None: those of the training set, see
            :class:`CooccurrenceGraph`.
        threshold: See :func:`reweighted_adjacency`.
        neighbor_weight: Likewise.
        **kwargs: See :class:`GCNLabelEmbedder`.

    Shapes:
        - Output: [C, ``hidden_dims[-1]``].
    """

    def __init__(
        self,
        classes: Sequence[str] | str,
        word_vectors: str | None = None,
        embed_dims: int = 300,
        hidden_dims: Sequence[int] = (1024, 2048),
        cooccurrence: str | None = None,
        threshold: float = 0.4,
        neighbor_weight: float = 0.25,
        **kwargs: object,
    ) -> None:
        check_reweighting(threshold, neighbor_weight)
        check_sizes("hidden_dims", hidden_dims, example=(1024, 2048))
        options: dict = {
            "adjacency": "cooccurrence",
            "learn_adjacency": False,
            "normalization": "transposed",
            "activate_last": False,
            "num_layers": len(hidden_dims),
            **kwargs,
        }
        super().__init__(
            classes,
            word_vectors,
            embed_dims,
            hidden_dims,
            cooccurrence=cooccurrence,
            **options,
        )
        self.threshold, self.neighbor_weight = threshold, neighbor_weight

    def graph_of(self, counts: Cooccurrence) -> Tensor:
        """Makes A, [C, C]; see :func:`reweighted_adjacency`."""
        return reweighted_adjacency(counts, self.threshold, self.neighbor_weight)

    def init_layer(self, weight: Tensor) -> None:
        """Draws the weights of one layer, [out, in], from U(-1/sqrt(out), 1/sqrt(out))."""
        bound = weight.shape[0] ** -0.5
        nn.init.uniform_(weight, -bound, bound)
