"""Evidence pooling: scores of positions, pooled by their log-mean-exp; ours."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.attention.base import AttentionMaps, ClassAttention
from mmsrdl.models.precision import at_least_float32
from mmsrdl.registry import MODELS

__all__ = ["EvidencePooling"]

EPS = 1e-4


@MODELS.register_module()
class EvidencePooling(ClassAttention):
    r"""Scores every class at every position, and pools the scores.

    .. math::
        G_p &= \mathrm{GELU}(W \, \mathrm{LN}(\mathrm{sgn}(F_p) \sqrt{|F_p|}) + b) \\
        z_{c,p} &= w_c^\top G_p + b_c \\
        s_c &= \frac{1}{T} \log \frac{1}{P} \sum_p \exp(T z_{c,p}), \qquad
        A_c = \mathrm{softmax}_p(T z_c)

    with a layer norm LN over the channels, without weights of its own. A, the maps, is what share
    of the score's gradient a position gets. The class feature is the score itself, so the
    classifier is :class:`IdentityClassifier`.

    This is ours; see docs/srdl_plus.md for why. CAR's maximum over positions is taken of features,
    one channel at a time, and a position without attention has the feature 0, which is more
    evidence for a class than any that speaks against it; here a maximum that is soft is taken of
    scores. Sources of the parts: the log-mean-exp of scores is that of Pinheiro and Collobert
    (CVPR 2015), the signed square root that of Perronnin, Sanchez and Mensink (ECCV 2010).

    Erasing: an erased position is left out of sum and count, as if the image did not have it.

    Args:
        num_classes: C.
        in_channels: D of the feature map.
        hidden_channels: Channels of G. None leaves W and GELU out: the scores are linear in the
            normalised map.
        signed_sqrt: Whether the square root is taken. Its slope is finite at 0: it is
            :math:`x / \sqrt{|x| + 10^{-4}}`.
        layer_norm: Whether LN is.
        temperature: T; 0 is the mean of the scores, and with T they near their maximum.

    Shapes:
        - Maps: [B, C, P], each summing to 1 over the P positions; scores z: [B, C, P].
        - Class features: s, [B, C, 1].

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a size is below 1, or the temperature is negative or not finite.
    """

    out_channels = 1
    has_maps = True
    sums_to_one = True
    erasable = True

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        hidden_channels: int | None = 512,
        signed_sqrt: bool = True,
        layer_norm: bool = True,
        temperature: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("in_channels", in_channels, low=1, example=2048)
        if hidden_channels is not None:
            check_integer("hidden_channels", hidden_channels, low=1, example=512)
        check_number("temperature", temperature, low=0, example=1.0)
        self.signed_sqrt, self.temperature = signed_sqrt, temperature
        self.norm = nn.LayerNorm(in_channels, elementwise_affine=False) if layer_norm else None
        self.project = None if hidden_channels is None else nn.Linear(in_channels, hidden_channels)
        self.score = nn.Linear(hidden_channels or in_channels, num_classes)

    def forward(self, feature_map: Tensor, labels: Tensor | None) -> AttentionMaps:
        """Computes G, the scores and the maps.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Of no account.
        """
        feature = feature_map.flatten(2).transpose(1, 2)  # (B, P, D)
        if self.signed_sqrt:
            feature = at_least_float32(feature)
            feature = feature * (feature.abs() + EPS).rsqrt()
        if self.norm is not None:
            feature = self.norm(feature)
        if self.project is not None:
            feature = F.gelu(self.project(feature))
        scores = self.score(feature).transpose(1, 2)  # (B, C, P)
        height, width = feature_map.shape[2:]
        spatial = (self.temperature * at_least_float32(scores)).softmax(-1)
        return AttentionMaps(feature, spatial, None, (height, width), scores)

    def pool(
        self, maps: AttentionMaps, erased: Tensor | None = None, erase_channel: bool = False
    ) -> Tensor:
        """Pools the scores, [B, C, 1].

        Args:
            maps: Output of :meth:`forward` for the C classes of interest.
            erased: True at positions that are left out, [B, C, H, W]; never all of a map.
            erase_channel: Without effect, as there is no channel branch.
        """
        assert maps.scores is not None  # forward made them
        scores = at_least_float32(maps.scores)
        kept = torch.ones_like(scores, dtype=torch.bool) if erased is None else ~erased.flatten(2)
        count = kept.sum(-1, keepdim=True, dtype=scores.dtype)
        if not self.temperature:
            return (scores * kept).sum(-1, keepdim=True) / count
        tempered = (self.temperature * scores).masked_fill(~kept, -math.inf)
        return (tempered.logsumexp(-1, keepdim=True) - count.log()) / self.temperature
