"""DSDL's classifier: an image's code over a dictionary of label embeddings."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_number
from mmsrdl.models.heads.class_classifier import FeatureClassifier
from mmsrdl.models.precision import at_least_float32, full_precision
from mmsrdl.registry import MODELS

if TYPE_CHECKING:
    from mmsrdl.models.heads.class_feature_head import ScoredImages


@MODELS.register_module()
class DictionaryClassifier(FeatureClassifier):
    r"""Scores an image by its code over the label embeddings, which is a ridge regression.

    .. math::
        z &= \arg\min_z \|f - M^T z\|^2 + \lambda \|z\|^2 = (M M^T + \lambda I)^{-1} M f \\
        L_{fit} &= \beta (\|Z M - F\|_F + \lambda \|Z\|_F)

    with M [C, D] the label embeddings (the dictionary), f [D] the image's feature, and Z [B, C] and
    F [B, D] those of a batch. The logits are z: no scale, no bias. Source: DSDL (Zhou, Huang and
    Xing), arXiv 2012.12509, as in its public code. Its "alternately parameters update strategy" is
    this: the code is solved in the forward pass, and the gradient goes through the solution into
    dictionary and feature.

    The matrix does not depend on the image: :math:`(M M^T + \lambda I)^{-1} M`, [C, D], is made
    once a batch, or once while evaluating, by Cholesky's decomposition in float32 at least, also
    under autocast.

    The norms of L_fit are of a process's batch matrix, neither squared nor divided by B.

    Args:
        num_classes: C.
        in_channels: D of the feature.
        embed_dims: Size of the label embeddings, which must be D.
        ridge: :math:`\lambda`.
        fit_weight: :math:`\beta`.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If a number is out of range, or the sizes of feature and embeddings differ.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        embed_dims: int,
        ridge: float = 0.1,
        fit_weight: float = 1e-6,
    ) -> None:
        super().__init__()
        check_number("ridge", ridge, low=0, example=0.1)
        check_number("fit_weight", fit_weight, low=0, example=1e-6)
        if ridge == 0:
            raise ValueError(
                f"ridge={ridge!r} must be positive, such as 0.1: without it the system has no "
                "solution where label embeddings depend on each other"
            )
        if embed_dims != in_channels:
            raise ValueError(
                f"the label embeddings have {embed_dims} dimensions but the feature has "
                f"{in_channels}; set the embedder's out_dims={in_channels}"
            )
        self.num_classes, self.in_channels = num_classes, in_channels
        self.ridge, self.fit_weight = ridge, fit_weight

    def embed_labels(self, x: Tensor | None) -> Tensor:
        """Computes the projection, [C, D], of features to codes.

        Args:
            x: M, [C, D].
        """
        assert x is not None  # the constructor saw to it
        with full_precision(x):
            dictionary = at_least_float32(x)
            unit = torch.eye(len(x), dtype=dictionary.dtype, device=x.device)
            gram = dictionary @ dictionary.T + self.ridge * unit
            return torch.cholesky_solve(dictionary, torch.linalg.cholesky(gram))

    def forward(
        self, feature: Tensor, classes: Tensor | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """Computes logits, z; see :class:`FeatureClassifier`.

        Raises:
            ValueError: If every class has a feature of its own.
        """
        if feature.shape[1] != 1 or classes is not None:
            raise ValueError(
                f"DictionaryClassifier takes one feature that all classes share, [B, 1, D], got "
                f"{list(feature.shape)}; use attention=dict(type='mmsrdl.GlobalPooling')"
            )
        assert labels is not None  # of embed_labels
        with full_precision(feature):
            return F.linear(at_least_float32(feature[:, 0]), labels)

    def auxiliary_losses(self, scored: "ScoredImages") -> dict[str, Tensor]:
        """Computes L_fit: ``loss_residual`` and ``loss_sparsity``.

        Args:
            scored: One pass over a batch.
        """
        if not self.fit_weight:
            return {}
        dictionary = scored.labels.embedding
        assert dictionary is not None
        with full_precision(scored.logits):
            codes = at_least_float32(scored.logits)
            residual = codes @ at_least_float32(dictionary) - at_least_float32(scored.pooled[:, 0])
            return {
                "loss_residual": self.fit_weight * torch.linalg.matrix_norm(residual),
                "loss_sparsity": self.fit_weight * self.ridge * torch.linalg.matrix_norm(codes),
            }
