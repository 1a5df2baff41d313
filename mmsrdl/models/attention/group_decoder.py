"""ML-Decoder: one decoder layer whose queries stand for groups of classes."""

import torch
from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.models.attention.base import AttentionMaps
from mmsrdl.models.attention.decoder_layers import DecoderLayer, check_transformer
from mmsrdl.models.attention.label_decoder import LabelDecoder
from mmsrdl.registry import MODELS


@MODELS.register_module()
class GroupDecoder(LabelDecoder):
    r"""Features of groups of classes by a decoder layer without self-attention.

    With E = relu(W F + b) at every position, without any encoding of positions, and queries q,

    .. math::
        q_1 &= LN_1(q + q) \\
        q_2 &= LN_2(q_1 + \mathrm{attention}(q_1, E, E)) \\
        q_3 &= LN_3(q_2 + W_2 \mathrm{relu}(W_1 q_2))

    and q_3 are the features. :class:`GroupClassifier` makes scores of them; with G = C any
    classifier does. Source: ML-Decoder (Ridnik et al., 2021), Sec. 3, and its public code, whose
    defaults are those here. At inference q_1 and its projection are computed once.

    Args:
        in_channels: D of the feature map.
        num_classes: C.
        embed_dims: d' of the label embeddings where the head has an embedder: they are the queries
            then, through a linear layer where d' differs from d.
        num_groups: G; never more than C. Class i belongs to group i div ceil(C / G).
        learn_queries: Whether the queries are trained where they are no label embeddings. The
            method draws them from N(0, 1) and leaves them so.
        hidden_channels: d.
        num_heads: Number of attention heads.
        feedforward_channels: Size of the feed-forward network's inner layer.
        dropout: Probability of dropout.

    Shapes:
        - Label side: q, [G, d]; while evaluating [2, G, d]: q_1 and its projection.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is out of range; if label embeddings meet fewer groups than
            classes.
    """

    num_groups: int

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        embed_dims: int | None = None,
        num_groups: int = 100,
        learn_queries: bool = False,
        hidden_channels: int = 768,
        num_heads: int = 8,
        feedforward_channels: int = 2048,
        dropout: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("in_channels", in_channels, low=1, example=2048)
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("num_groups", num_groups, low=1, example=100)
        check_transformer(hidden_channels, num_heads, feedforward_channels, dropout)
        self.num_classes, self.num_groups = num_classes, min(num_groups, num_classes)
        self.out_channels = hidden_channels
        self.input_proj = nn.Linear(in_channels, hidden_channels)
        self.query_proj: nn.Module | None = None
        if embed_dims is None:
            queries = torch.randn(self.num_groups, hidden_channels)
            self.queries = nn.Parameter(queries, requires_grad=learn_queries)
        else:
            self._check_embeddings(learn_queries)
            same = embed_dims == hidden_channels
            self.query_proj = nn.Identity() if same else nn.Linear(embed_dims, hidden_channels)
        self.layer = DecoderLayer(
            hidden_channels, num_heads, feedforward_channels, dropout, refinement="identity"
        )

    def _check_embeddings(self, learn_queries: bool) -> None:
        if self.num_groups < self.num_classes:
            raise ValueError(
                f"num_groups={self.num_groups}: label embeddings are queries of {self.num_classes} "
                f"single classes; set num_groups={self.num_classes}, or embedder=None"
            )
        if learn_queries:
            raise ValueError(
                "learn_queries=True has no effect on label embeddings, which the embedder learns "
                "or keeps (learn_vectors); drop it, or set embedder=None"
            )

    def embed_labels(self, x: Tensor | None) -> Tensor:
        """Computes all that depends on no image.

        Args:
            x: Label embeddings, [C, d'], or None where the head has no embedder.

        Returns:
            q, [G, d]; while evaluating q_1 and its projection, [2, G, d].
        """
        queries = self.queries if self.query_proj is None else self.query_proj(x)
        if self.training:  # dropout differs from image to image
            return queries
        return torch.cat(self._before_image(queries[None]))

    def _before_image(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        refined = self.layer.refine(queries)
        return refined, self.layer.ask(refined)

    def decode(self, feature_map: Tensor, labels: Tensor | None, weights: bool) -> AttentionMaps:
        """Computes features of groups, and the spatial maps of classes if ``weights``.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
            weights: Whether maps are wanted; a class has its group's.
        """
        assert labels is not None  # embed_labels saw to it
        feature = feature_map.flatten(2).transpose(1, 2)  # (B, P, D)
        memory = self.input_proj(feature).relu()
        if labels.dim() == 2:
            x, queries = self._before_image(labels.expand(memory.shape[0], -1, -1))
        else:
            x, queries = (part.expand(memory.shape[0], -1, -1) for part in labels)
        pooled, spatial = self.layer(x, queries, memory, memory, weights)
        if spatial is not None:
            share = -(-self.num_classes // self.num_groups)
            spatial = spatial.repeat_interleave(share, 1)[:, : self.num_classes]
        height, width = feature_map.shape[2:]
        return AttentionMaps(feature, spatial, None, (height, width), pooled=pooled)
