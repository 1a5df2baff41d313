"""Category-specific attentional regions (CAR): channel and spatial attention of every class."""

import math
from collections.abc import Sequence
from numbers import Real

from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.models.attention.base import AttentionMaps, ClassAttention
from mmsrdl.ops import attended_max_pool, gated_score
from mmsrdl.registry import MODELS


@MODELS.register_module()
class CARAttention(ClassAttention):
    r"""Channel and spatial attention of every class, from features and label embeddings.

    .. math::
        CA^c &= \psi(f_c(\tanh(f_{ca}(GMP(F)) \odot f_w(x_c)))) \\
        SA^c_{x,y} &= \psi(f_s(\tanh(f_{sa}(F_{x,y}) \odot f_w(x_c)))) \\
        \hat F_c &= w_s F \odot SA^c + w_c F \odot CA^c

    and the global maximum of \hat F_c is the feature of class c. Source: SRDL,
    Sec. 3.2, Eqs. (4)-(6). The paper prints f_s as 2048 -> 2048; as SA is one
    number a position, it is 2048 -> 1. The layers whose outputs are multiplied
    (f_ca, f_sa, f_w) have no bias, as in the method's nearest relatives.

    Args:
        in_channels: D of the feature map.
        embed_dims: d' of the label embeddings.
        hidden_channels: Size of the space in which features meet labels.
            Defaults to ``in_channels`` (the paper's 2048).
        use_spatial: False drops SA ("w/o SA", Table 6); CA then has weight 1.
        use_channel: False drops CA ("w/o CA", Table 6); SA then has weight 1.
        weights: (w_s, w_c) of Eq. (6).

    Raises:
        TypeError: If a size is no integer.
        ValueError: If both attentions are dropped, a size is below 1, or the weights are
            not two finite, non-negative numbers with a positive sum.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        hidden_channels: int | None = None,
        use_spatial: bool = True,
        use_channel: bool = True,
        weights: tuple[float, float] = (0.5, 0.5),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if not (use_spatial or use_channel):
            raise ValueError(
                "use_spatial=False and use_channel=False leave no attention; keep one of them"
            )
        if not _are_weights(weights):
            raise ValueError(
                f"weights={weights!r} must be (w_s, w_c), two finite numbers, both >= 0 and one "
                "> 0, such as (0.5, 0.5)"
            )
        hidden = in_channels if hidden_channels is None else hidden_channels
        for name, value in dict(
            in_channels=in_channels, embed_dims=embed_dims, hidden_channels=hidden
        ).items():
            check_integer(name, value, low=1, example=2048)
        self.has_maps = self.erasable = use_spatial
        self.has_channel_branch = use_channel
        self.out_channels = in_channels
        self.weights = (
            (float(weights[0]), float(weights[1])) if use_spatial and use_channel else (1.0, 1.0)
        )
        self.fw = nn.Linear(embed_dims, hidden, bias=False)
        self.fsa = nn.Linear(in_channels, hidden, bias=False) if use_spatial else None
        self.fs = nn.Linear(hidden, 1) if use_spatial else None
        self.fca = nn.Linear(in_channels, hidden, bias=False) if use_channel else None
        self.fc = nn.Linear(hidden, in_channels) if use_channel else None

    def embed_labels(self, x: Tensor | None) -> Tensor:
        """Computes f_w(x), [C, hidden]: all that depends on labels alone.

        Args:
            x: Label embeddings, [C, d'].

        Raises:
            ValueError: If there are none.
        """
        return self.fw(self.need_embeddings(x))

    def forward(self, feature_map: Tensor, labels: Tensor | None) -> AttentionMaps:
        """Computes the attention maps, Eqs. (4) and (5).

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`, [C, hidden].
        """
        feature = feature_map.flatten(2).transpose(1, 2)  # (B, P, D)
        spatial = channel = None
        assert labels is not None  # embed_labels saw to it
        if self.fsa is not None and self.fs is not None:
            score = gated_score(self.fsa(feature), labels, self.fs.weight[0])
            spatial = (score + self.fs.bias).sigmoid().transpose(1, 2)  # Eq. (5)
        if self.fca is not None and self.fc is not None:
            peak = self.fca(feature.amax(1))  # GMP, (B, hidden)
            channel = self.fc((peak[:, None] * labels).tanh()).sigmoid()  # Eq. (4)
        height, width = feature_map.shape[2:]
        return AttentionMaps(feature, spatial, channel, (height, width))

    def pool(
        self, maps: AttentionMaps, erased: Tensor | None = None, erase_channel: bool = False
    ) -> Tensor:
        """Computes class features, Eq. (6) and global max pooling.

        Args:
            maps: Output of :meth:`forward` for the C classes of interest.
            erased: True where spatial attention is erased, [B, C, H, W].
            erase_channel: Whether channel attention is erased there too.

        Returns:
            f, [B, C, D].
        """
        spatial, keep = maps.spatial, None
        if erased is not None:
            kept = ~erased.flatten(2)
            if spatial is not None:
                spatial = spatial * kept
            keep = kept if erase_channel else None
        return attended_max_pool(maps.feature, spatial, maps.channel, self.weights, keep)


def _are_weights(weights: object) -> bool:
    if not isinstance(weights, Sequence) or len(weights) != 2:
        return False
    numbers = all(isinstance(w, Real) and not isinstance(w, bool) for w in weights)
    return numbers and all(0 <= w < math.inf for w in weights) and sum(weights) > 0
