"""Semantic attention module (SAM): a sigmoid map of every class sums the positions up."""

from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer
from mmsrdl.models.attention.base import AttentionMaps, ClassAttention
from mmsrdl.registry import MODELS


@MODELS.register_module()
class SemanticAttention(ClassAttention):
    r"""Sums up the positions where a linear classifier sees a class.

    .. math::
        G_{c,p} = w_c^\top F_p, \qquad M = \psi(G), \qquad
        v_c = \sum_p M_{c,p} (W F_p + b)

    Source: ADD-GCN (Ye et al., ECCV 2020), semantic attention module, and its public code
    (Yejin0111/ADD-GCN, ``models/add_gcn.py``): G has no bias, the maps are not normalised over
    positions, and no activation follows W. Both layers are linear, so forward sums first and
    transforms C class features and not P positions:
    :math:`v_c = W \sum_p M_{c,p} F_p + b \sum_p M_{c,p}`.

    G are the ``scores`` of the maps, which ``map_score_weight`` of the head uses. Erasing: an
    erased position weighs 0 in the sum, and leaves the maximum of G.

    Args:
        num_classes: C.
        in_channels: D of the feature map.
        out_channels: E of the class features; ADD-GCN has 1024.

    Shapes:
        - Maps: [B, C, P] in [0, 1].
        - Class features: [B, C, E].

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a size is below 1.
    """

    has_maps = True
    erasable = True

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        out_channels: int = 1024,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        for name, value in dict(
            num_classes=num_classes, in_channels=in_channels, out_channels=out_channels
        ).items():
            check_integer(name, value, low=1, example=1024)
        self.out_channels = out_channels
        self.fc = nn.Linear(in_channels, num_classes, bias=False)
        self.transform = nn.Linear(in_channels, out_channels)

    def forward(self, feature_map: Tensor, labels: Tensor | None) -> AttentionMaps:
        """Computes the attention maps and their logits.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Of no account.
        """
        feature = feature_map.flatten(2).transpose(1, 2)  # (B, P, D)
        scores = self.fc(feature).transpose(1, 2)  # (B, C, P)
        height, width = feature_map.shape[2:]
        return AttentionMaps(feature, scores.sigmoid(), None, (height, width), scores)

    def pool(
        self, maps: AttentionMaps, erased: Tensor | None = None, erase_channel: bool = False
    ) -> Tensor:
        """Computes class features, [B, C, E].

        Args:
            maps: Output of :meth:`forward` for the C classes of interest.
            erased: True where the attention is erased, [B, C, H, W].
            erase_channel: Without effect, as there is no channel branch.
        """
        assert maps.spatial is not None
        weight = maps.spatial if erased is None else maps.spatial * ~erased.flatten(2)
        total = weight.sum(-1, keepdim=True)
        summed = weight.to(maps.feature.dtype) @ maps.feature  # (B, C, D)
        return F.linear(summed, self.transform.weight) + total * self.transform.bias
