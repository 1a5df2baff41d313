"""Semantic decoupling (SD): one softmax over positions for every class."""

from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.models.attention.base import AttentionMaps, ClassAttention
from mmsrdl.ops import gated_score
from mmsrdl.registry import MODELS


@MODELS.register_module()
class SemanticDecoupling(ClassAttention):
    r"""Averages the positions of an image for every class, guided by the label embeddings.

    .. math::
        \tilde a_{c,p} &= fc_a(fc_3(\tanh(fc_1(F_p) \odot fc_2(x_c)))) \\
        a_c &= \mathrm{softmax}_p(\tilde a_c), \qquad f_c = \sum_p a_{c,p} F_p

    Source: SSGRL (Chen et al., ICCV 2019), semantic decoupling, and its public code
    (HCPLab-SYSU/SSGRL, ``semantic.py``): no bias in fc_1 and fc_2, one in fc_3 and fc_a. There is
    nothing between fc_3 and fc_a, so forward folds the two into one vector; they stay two layers,
    which train as the published ones do. Both biases shift all positions alike: the softmax
    cancels them, and their gradients are 0.

    Erasing: an erased position weighs 0 after the softmax, the others keep their weights.

    Args:
        in_channels: D of the feature map.
        embed_dims: d' of the label embeddings.
        hidden_channels: Size of the space in which features meet labels; SSGRL has 1024.

    Shapes:
        - Maps: [B, C, P], each summing to 1 over the P positions.
        - Class features: [B, C, D].

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a size is below 1; in :meth:`embed_labels`, if there are no embeddings.
    """

    has_maps = True
    sums_to_one = True
    erasable = True

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        hidden_channels: int = 1024,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        for name, value in dict(
            in_channels=in_channels, embed_dims=embed_dims, hidden_channels=hidden_channels
        ).items():
            check_integer(name, value, low=1, example=1024)
        self.out_channels = in_channels
        self.fc_1 = nn.Linear(in_channels, hidden_channels, bias=False)
        self.fc_2 = nn.Linear(embed_dims, hidden_channels, bias=False)
        self.fc_3 = nn.Linear(hidden_channels, hidden_channels)
        self.fc_a = nn.Linear(hidden_channels, 1)

    def embed_labels(self, x: Tensor | None) -> Tensor:
        """Computes fc_2(x), [C, hidden]: all that depends on labels alone.

        Args:
            x: Label embeddings, [C, d'].

        Raises:
            ValueError: If there are none.
        """
        return self.fc_2(self.need_embeddings(x))

    def forward(self, feature_map: Tensor, labels: Tensor | None) -> AttentionMaps:
        """Computes the attention maps.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`, [C, hidden].
        """
        assert labels is not None  # embed_labels saw to it
        feature = feature_map.flatten(2).transpose(1, 2)  # (B, P, D)
        # A sum of products, which autocast leaves in the weights' own precision.
        weight = (self.fc_a.weight.t() * self.fc_3.weight).sum(0)
        bias = self.fc_a(self.fc_3.bias)
        score = gated_score(self.fc_1(feature), labels, weight) + bias  # (B, P, C)
        height, width = feature_map.shape[2:]
        return AttentionMaps(feature, score.transpose(1, 2).softmax(-1), None, (height, width))

    def pool(
        self, maps: AttentionMaps, erased: Tensor | None = None, erase_channel: bool = False
    ) -> Tensor:
        """Computes class features, [B, C, D].

        Args:
            maps: Output of :meth:`forward` for the C classes of interest.
            erased: True where the attention is erased, [B, C, H, W].
            erase_channel: Without effect, as there is no channel branch.
        """
        assert maps.spatial is not None
        weight = maps.spatial if erased is None else maps.spatial * ~erased.flatten(2)
        return weight.to(maps.feature.dtype) @ maps.feature
