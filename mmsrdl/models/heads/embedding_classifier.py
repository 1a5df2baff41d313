"""A classifier whose weights are the label embeddings."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer
from mmsrdl.models.class_features import check_class_features
from mmsrdl.models.heads.class_classifier import FeatureClassifier
from mmsrdl.registry import MODELS


@MODELS.register_module()
class EmbeddingClassifier(FeatureClassifier):
    r"""Scores every class by the product of a feature and its label embedding.

    .. math:: s_c = x_c^T f_c

    with the class's own feature f_c, or one that all share. Source: ML-GCN (Chen et al.,
    CVPR 2019), Eq. (4).

    Args:
        num_classes: C.
        in_channels: E of the features.
        embed_dims: d' of the label embeddings, which must be E.
        bias: Whether a learned b_c, 0 at first, is added.

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a size is below 1, or d' is not E; in :meth:`forward`, if there are more or
            fewer features.
    """

    def __init__(
        self, num_classes: int, in_channels: int, embed_dims: int, bias: bool = False
    ) -> None:
        super().__init__()
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("in_channels", in_channels, low=1, example=2048)
        if embed_dims != in_channels:
            raise ValueError(
                f"EmbeddingClassifier multiplies embeddings of {embed_dims} with features of "
                f"{in_channels}; let the embedder end with embeddings of {in_channels}, such as "
                f"hidden_dims=(1024, {in_channels})"
            )
        self.bias = nn.Parameter(torch.zeros(num_classes)) if bias else None

    def embed_labels(self, x: Tensor | None) -> Tensor | None:
        """Returns the label embeddings, [C, E]."""
        return x

    def forward(
        self, feature: Tensor, classes: Tensor | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """Computes logits; see :class:`FeatureClassifier`."""
        assert labels is not None  # the constructor saw to it
        bias: Tensor | None = self.bias
        if classes is None:
            check_class_features(self, feature, len(labels), shared=True)
        if classes is None and feature.shape[1] == 1:  # of one feature that all classes share
            return F.linear(feature[:, 0], labels, bias)
        if classes is not None:
            labels = labels[classes]
            bias = None if bias is None else bias[classes]
        logits = (feature * labels).sum(-1)
        return logits if bias is None else logits + bias
