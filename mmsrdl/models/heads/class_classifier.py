"""Classifiers over class features, and the linear one of Eq. (2)."""

from abc import ABCMeta, abstractmethod

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer
from mmsrdl.models.class_features import check_class_features
from mmsrdl.registry import MODELS


class FeatureClassifier(BaseModule, metaclass=ABCMeta):
    """Base class: from class features to logits.

    A subclass names in its constructor what it wants to know of ``num_classes`` (C),
    ``in_channels`` (E of the class features), ``embed_dims`` (d' of the label embeddings) and
    ``classes`` (their names): the head fills these in. One that scores by more than class features,
    such as :class:`TwoStreamClassifier`, names ``maps`` in its :meth:`forward`: the head gives it
    the :class:`AttentionMaps`.
    """

    def embed_labels(self, x: Tensor | None) -> Tensor | None:
        """Computes all that depends on labels alone; the head keeps it while evaluating.

        Args:
            x: Label embeddings, [C, d'], or None where the head has no embedder.
        """
        return None

    @abstractmethod
    def forward(
        self, feature: Tensor, classes: Tensor | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """Computes logits.

        Args:
            feature: Class features, [B, C, E], or of K classes an image, [B, K, E], or one that
                all classes share, [B, 1, E].
            classes: Which classes those are, [B, K]. Defaults to all C in order.
            labels: Output of :meth:`embed_labels`.

        Returns:
            [B, C] or [B, K].
        """


@MODELS.register_module()
class ClassClassifier(FeatureClassifier):
    r"""Scores every class by its own feature.

    .. math:: s_c = w_c^T f_c + b_c

    Source: SRDL, Eq. (2), whose phi is "a linear classifier". By default every
    class has its own weights, as in the method's nearest relatives.

    Args:
        num_classes: C.
        in_channels: D.
        shared: Whether one weight vector and bias serve all classes.

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a size is below 1; in :meth:`forward`, if neither feature nor weights are of
            single classes.
    """

    def __init__(self, num_classes: int, in_channels: int, shared: bool = False) -> None:
        super().__init__()
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("in_channels", in_channels, low=1, example=2048)
        self.num_classes = num_classes
        rows = 1 if shared else num_classes
        self.weight = nn.Parameter(torch.empty(rows, in_channels))
        self.bias = nn.Parameter(torch.empty(rows))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weights and biases from U(-1/sqrt(D), 1/sqrt(D))."""
        bound = self.weight.shape[1] ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(
        self, feature: Tensor, classes: Tensor | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """Computes logits; see :class:`FeatureClassifier`."""
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if classes is None:
            check_class_features(self, feature, self.num_classes, shared=True)
        if classes is None and feature.shape[1] == 1:  # of one feature that all classes share
            if len(weight) < self.num_classes:
                raise ValueError(
                    f"shared=True gives all {self.num_classes} classes one score, as they share "
                    "one feature, too; use classifier='per_class', or an attention that gives "
                    "each class its own"
                )
            return F.linear(feature[:, 0], weight, bias)
        if classes is not None and len(weight) > 1:
            weight, bias = weight[classes], bias[classes]
        return (feature * weight).sum(-1) + bias  # Eq. (2)


@MODELS.register_module()
class IdentityClassifier(FeatureClassifier):
    """Takes class features of one number each for the logits.

    Of use after a relation that ends in scores, such as P-GCN's, or an attention that pools scores,
    such as :class:`EvidencePooling`.

    Args:
        in_channels: E, which must be 1.

    Raises:
        ValueError: If it is not.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        if in_channels != 1:
            raise ValueError(
                f"in_channels={in_channels}: IdentityClassifier takes class features of one number "
                "for scores; end the relation with it, such as hidden_dims=(1024, 1), or use "
                "classifier='per_class'"
            )

    def forward(
        self, feature: Tensor, classes: Tensor | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """Returns the features, [B, C, 1], as logits, [B, C]; see :class:`FeatureClassifier`."""
        return feature.squeeze(-1)
