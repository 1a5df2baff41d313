"""Class features that look at the image again: decoder layers as a relation."""

from typing import Any

from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.models.attention import AttentionMaps
from mmsrdl.models.attention.decoder_layers import (
    DecoderLayer,
    check_transformer,
    sine_positions,
    xavier,
)
from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.registry import MODELS


@MODELS.register_module()
class DecoderRelation(ClassRelation):
    r"""Refines class features by decoder layers over the positions of their image.

    The class features f of any attention, such as CAR's, are the queries' state where a label
    decoder starts from zeros; a layer is :class:`QueryDecoder`'s,

    .. math::
        x &\leftarrow LN_1(x + \mathrm{attention}(x, x, x)) \\
        x &\leftarrow LN_2(x + \mathrm{attention}(x, m + p, m)) \\
        x &\leftarrow LN_3(x + W_2 \mathrm{relu}(W_1 x))

    with x = f at first and m the image's positions, both through a linear layer where sizes
    differ. No paper has this; it shows that the parts of two methods fit together. Object erasing
    erases f alone: the layers see all positions in its second pass, too.

    Args:
        in_channels: E of the class features.
        memory_channels: D of the image's positions. Defaults to E.
        hidden_channels: d, a multiple of 4. Defaults to E.
        num_layers: Number of decoder layers.
        num_heads: Number of attention heads.
        feedforward_channels: Size of the feed-forward networks' inner layers.
        self_attention: False leaves out the first line: classes do not know of each other then.
        dropout: Probability of dropout.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is out of range; in :meth:`forward`, if the positions are of another
            size than ``memory_channels``.
    """

    def __init__(
        self,
        in_channels: int,
        memory_channels: int | None = None,
        hidden_channels: int | None = None,
        num_layers: int = 1,
        num_heads: int = 8,
        feedforward_channels: int = 2048,
        self_attention: bool = True,
        dropout: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        memory_channels = in_channels if memory_channels is None else memory_channels
        size = in_channels if hidden_channels is None else hidden_channels
        check_integer("in_channels", in_channels, low=1, example=2048)
        check_integer("memory_channels", memory_channels, low=1, example=2048)
        check_integer("num_layers", num_layers, low=1, example=1)
        check_transformer(size, num_heads, feedforward_channels, dropout)
        if size % 4:
            raise ValueError(
                f"hidden_channels={size} must be a multiple of 4: sine and cosine of row and column"
            )
        self.memory_channels, self.out_channels = memory_channels, size
        self.input_proj = nn.Linear(in_channels, size) if in_channels != size else nn.Identity()
        same = memory_channels == size
        self.memory_proj = nn.Identity() if same else nn.Linear(memory_channels, size)
        refinement = "self_attention" if self_attention else "none"
        self.layers = nn.ModuleList(
            DecoderLayer(size, num_heads, feedforward_channels, dropout, refinement)
            for _ in range(num_layers)
        )
        xavier(self.layers)

    def forward(self, feature: Tensor, maps: AttentionMaps) -> Tensor:
        """Computes refined class features, [B, C, d].

        Args:
            feature: [B, C, E].
            maps: What the features were pooled from.
        """
        if maps.feature.shape[2] != self.memory_channels:
            raise ValueError(
                f"memory_channels={self.memory_channels} but the image's positions have "
                f"{maps.feature.shape[2]}; set relation.memory_channels={maps.feature.shape[2]}"
            )
        x, memory = self.input_proj(feature), self.memory_proj(maps.feature)
        positions = sine_positions(maps.size, self.out_channels, memory)
        keys = memory + positions.to(memory.dtype)
        layers: Any = self.layers
        for layer in layers:
            x = layer.refine(x)
            x, _ = layer(x, layer.ask(x), keys, memory)
        return x
