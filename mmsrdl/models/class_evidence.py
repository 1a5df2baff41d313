"""The evidence for a class at every position, of heads whose scores are made from such."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.models.heads import CSRAClsHead, MultiLabelLinearClsHead
from mmpretrain.models.necks import GlobalAveragePooling
from torch import Tensor, nn

from mmsrdl.models.erasing.csra import csra_scores
from mmsrdl.models.heads import ClassFeatureHead
from mmsrdl.models.necks import GlobalMaxPooling, GlobalWeightedPooling
from mmsrdl.models.precision import at_least_float32

__all__ = ["class_evidence", "has_class_evidence", "last_map", "through_neck"]

Features = Tensor | Sequence[Tensor]
POOLING = (GlobalAveragePooling, GlobalMaxPooling, GlobalWeightedPooling)


def has_class_evidence(model: nn.Module) -> bool:
    """Whether :func:`class_evidence` knows the model's head.

    That is MMPretrain's ``CSRAClsHead``, and its ``MultiLabelLinearClsHead`` after a global
    pooling.

    Args:
        model: An ``ImageClassifier``.
    """
    head = getattr(model, "head", None)
    if isinstance(head, CSRAClsHead):
        return True
    return isinstance(head, MultiLabelLinearClsHead) and isinstance(_neck(model), POOLING)


def class_evidence(model: nn.Module, features: Features, bias: bool = False) -> Tensor:
    r"""Computes the evidence for every class at every position.

    A linear layer over a global pooling: :math:`\sum_d w_{cd} F_d`, the layer at each position.
    Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016,
    Eq. (2). ``CSRAClsHead``: its scores at the position, summed over its modules.

    Args:
        model: An ``ImageClassifier`` with :func:`has_class_evidence`.
        features: Output of ``model.backbone``.
        bias: Whether the layer's bias is added. CSRA has none.

    Returns:
        [B, C, h, w], float32 at least.

    Raises:
        ValueError: If the backbone returns no map.
    """
    head: Any = model.head
    if isinstance(head, CSRAClsHead):
        scores = csra_scores(head, head.pre_logits(through_neck(model, features)))
        return at_least_float32(torch.stack(scores)).sum(0)
    evidence = at_least_float32(
        torch.einsum("bdhw,cd->bchw", last_map(model, features), head.fc.weight)
    )
    return evidence + head.fc.bias[:, None, None] if bias else evidence


def last_map(model: nn.Module, features: Features) -> Tensor:
    """Returns the backbone's last map, [B, D, H, W].

    Args:
        model: An ``ImageClassifier``.
        features: Output of ``model.backbone``.

    Raises:
        ValueError: If it returns none.
    """
    feature = features if isinstance(features, Tensor) else features[-1]
    if feature.dim() == 3 and isinstance(model.head, ClassFeatureHead):
        feature = model.head.map_of_tokens(feature)
    if feature.dim() != 4:
        raise ValueError(
            f"the backbone {type(model.backbone).__name__} returns {list(feature.shape)} and no "
            "map [B, D, H, W], so that no position can be told from another; let it return one "
            "(ViT: out_type='featmap')"
        )
    return feature


def through_neck(model: nn.Module, features: Features) -> Any:
    """Returns what the head gets.

    Args:
        model: An ``ImageClassifier``.
        features: Output of ``model.backbone``.
    """
    neck = _neck(model)
    return features if neck is None else neck(features)


def _neck(model: nn.Module) -> Any:
    return getattr(model, "neck", None)
