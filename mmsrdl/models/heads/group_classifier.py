"""The group classifier of ML-Decoder: several classes from one feature."""

import torch
from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.models.heads.class_classifier import FeatureClassifier
from mmsrdl.registry import MODELS


@MODELS.register_module()
class GroupClassifier(FeatureClassifier):
    r"""Scores every class by the feature of its group.

    .. math:: s_i = h_k^T W_{k, \cdot, j} + b_i, \qquad k = i \,\mathrm{div}\, g, \quad
        j = i \bmod g, \quad g = \lceil C / G \rceil

    The last groups may be used in part, or not at all (C = 101, G = 100: 51 groups are). Source:
    ML-Decoder (Ridnik et al., 2021), group fully connected layer, and its public code.

    Args:
        num_classes: C.
        in_channels: E.
        num_groups: G; never more than C. Defaults to the attention's, or to C where its features
            are of classes: then it is a :class:`ClassClassifier` that starts from other weights.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If it is below 1; in :meth:`forward`, if there are more or fewer features.
    """

    def __init__(self, num_classes: int, in_channels: int, num_groups: int | None = None) -> None:
        super().__init__()
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("in_channels", in_channels, low=1, example=768)
        groups = num_classes if num_groups is None else num_groups
        check_integer("num_groups", groups, low=1, example=100)
        self.num_classes, self.num_groups = num_classes, min(groups, num_classes)
        share = -(-num_classes // self.num_groups)  # g
        self.weight = nn.Parameter(torch.empty(self.num_groups, in_channels, share))
        self.bias = nn.Parameter(torch.zeros(num_classes))
        nn.init.xavier_normal_(self.weight)

    def forward(
        self, feature: Tensor, classes: Tensor | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """Computes logits.

        Args:
            feature: Features of the groups, [B, G, E], or one that all share, [B, 1, E]; with
                ``classes``, those of K classes, [B, K, E].
            classes: Which classes those are, [B, K].
            labels: Of no account.

        Returns:
            [B, C] or [B, K].
        """
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if classes is not None:
            share = weight.shape[2]
            columns = weight[classes // share, :, classes % share]  # (B, K, E)
            return (feature * columns).sum(-1) + bias[classes]
        if feature.shape[1] not in (1, self.num_groups):
            raise ValueError(
                f"GroupClassifier has num_groups={self.num_groups} but gets {feature.shape[1]} "
                "features an image; leave num_groups out, and it is the attention's"
            )
        scores = torch.einsum("bke,kej->bkj", feature.expand(-1, self.num_groups, -1), weight)
        return scores.flatten(1)[:, : self.num_classes] + bias
