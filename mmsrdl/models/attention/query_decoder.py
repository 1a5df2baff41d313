"""Query2Label: a transformer whose decoder asks an image for every label."""

from typing import Any

import torch
from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.models.attention.base import AttentionMaps
from mmsrdl.models.attention.decoder_layers import (
    DecoderLayer,
    EncoderLayer,
    check_transformer,
    sine_positions,
    xavier,
)
from mmsrdl.models.attention.label_decoder import LabelDecoder
from mmsrdl.registry import MODELS

SELF_ATTENTIONS = ("none", "later", "all")


@MODELS.register_module()
class QueryDecoder(LabelDecoder):
    r"""Class features by a transformer whose queries are label embeddings.

    With positions p (:func:`sine_positions`) and label embeddings e, the map F goes through
    encoder layers to the memory m; the decoder's state starts as zeros,

    .. math::
        x &\leftarrow LN_1(x + \mathrm{attention}(x + e, x + e, x)) \\
        x &\leftarrow LN_2(x + \mathrm{attention}(x + e, m + p, m)) \\
        x &\leftarrow LN_3(x + W_2 \mathrm{relu}(W_1 x))

    in every layer, and f = LN(x) of the last one. The first line is left out by default, as it is
    in the released training; the paper has it in every layer.

    Source: Query2Label (Liu et al., 2021), Sec. 3, and its public code, whose defaults are those
    here. What depends on labels alone (the first layer up to its projected queries) is computed
    once at inference.

    Args:
        in_channels: D of the feature map.
        embed_dims: d' of the label embeddings. The method's own are learned vectors of d
            numbers, ``dict(type='mmsrdl.GCNLabelEmbedder', num_layers=0, embed_dims=d)``; any
            others pass through a linear layer where d' differs from d.
        hidden_channels: d, a multiple of 4. Defaults to ``in_channels``; where they differ, a
            linear layer precedes the encoder.
        num_heads: Number of attention heads.
        feedforward_channels: Size of the feed-forward networks' inner layers.
        encoder_layers: Number of encoder layers, which may be 0.
        decoder_layers: Number of decoder layers.
        self_attention: Layers in which labels attend to each other: ``'none'``, ``'all'``, or
            ``'later'``: all but the first, whose values are zeros.
        dropout: Probability of dropout.

    Shapes:
        - Label side: e, [C, d]; while evaluating [3, C, d], with the first layer's state and
          projected queries.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If an option is unknown or a number out of range.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        hidden_channels: int | None = None,
        num_heads: int = 4,
        feedforward_channels: int = 8192,
        encoder_layers: int = 1,
        decoder_layers: int = 2,
        self_attention: str = "none",
        dropout: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("in_channels", in_channels, low=1, example=2048)
        check_integer("embed_dims", embed_dims, low=1, example=2048)
        size = in_channels if hidden_channels is None else hidden_channels
        check_transformer(size, num_heads, feedforward_channels, dropout)
        check_integer("encoder_layers", encoder_layers, low=0, example=1)
        check_integer("decoder_layers", decoder_layers, low=1, example=2)
        if size % 4:
            raise ValueError(
                f"hidden_channels={size} must be a multiple of 4: sine and cosine of row and column"
            )
        if self_attention not in SELF_ATTENTIONS:
            raise ValueError(
                f"self_attention={self_attention!r} is unknown; use one of {SELF_ATTENTIONS}"
            )
        self.out_channels = size
        options = (size, num_heads, feedforward_channels, dropout)
        first = {"none": decoder_layers, "later": 1, "all": 0}[self_attention]
        self.input_proj = nn.Linear(in_channels, size) if in_channels != size else nn.Identity()
        self.query_proj = nn.Linear(embed_dims, size) if embed_dims != size else nn.Identity()
        self.encoder = nn.ModuleList(EncoderLayer(*options) for _ in range(encoder_layers))
        self.decoder = nn.ModuleList(
            DecoderLayer(*options, "self_attention" if index >= first else "none")
            for index in range(decoder_layers)
        )
        self.norm = nn.LayerNorm(size)
        xavier(self.encoder)
        xavier(self.decoder)

    def embed_labels(self, x: Tensor | None) -> Tensor:
        """Computes all that depends on labels alone.

        Args:
            x: Label embeddings, [C, d'].

        Returns:
            e, [C, d]; while evaluating [3, C, d], with the first layer's state and projected
            queries.

        Raises:
            ValueError: If there are none.
        """
        labels = self.query_proj(self.need_embeddings(x))
        if self.training:  # dropout differs from image to image
            return labels
        return torch.cat([labels[None], *self._before_image(labels, 1)])

    def _before_image(self, labels: Tensor, images: int) -> tuple[Tensor, Tensor]:
        """Runs the first layer until it meets the image.

        Returns:
            Its state and its projected queries, both [images, C, d].
        """
        layer: Any = self.decoder[0]
        x = layer.refine(torch.zeros_like(labels).expand(images, -1, -1), labels)
        return x, layer.ask(x, labels)

    def decode(self, feature_map: Tensor, labels: Tensor | None, weights: bool) -> AttentionMaps:
        """Computes class features, and the spatial maps if ``weights``.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
            weights: Whether maps are wanted.
        """
        assert labels is not None  # embed_labels saw to it
        feature = feature_map.flatten(2).transpose(1, 2)  # (B, P, D)
        height, width = feature_map.shape[2:]
        positions = sine_positions((height, width), self.out_channels, feature)
        memory = self.input_proj(feature)
        positions = positions.to(memory.dtype)
        for layer in self.encoder:
            memory = layer(memory, positions)
        keys = memory + positions
        layers: Any = self.decoder
        if labels.dim() == 2:
            # Without self-attention there is no dropout yet, so all images have one state.
            separate = layers[0].self_attn is not None
            x, queries = self._before_image(labels, memory.shape[0] if separate else 1)
        else:
            labels, x, queries = labels[0], labels[1:2], labels[2:3]
        x, queries = (part.expand(memory.shape[0], -1, -1) for part in (x, queries))
        spatial = None
        for index, layer in enumerate(layers):
            if index:
                x = layer.refine(x, labels)
                queries = layer.ask(x, labels)
            x, spatial = layer(x, queries, keys, memory, weights and layer is layers[-1])
        return AttentionMaps(feature, spatial, None, (height, width), pooled=self.norm(x))
