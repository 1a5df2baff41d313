"""The evidence for a class at every position, of heads whose scores are made from such."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.models.heads import CSRAClsHead, MultiLabelLinearClsHead
from mmpretrain.models.necks import GlobalAveragePooling
from torch import Tensor, nn

from mmsrdl.models.attention import GlobalPooling, PatchScores
from mmsrdl.models.erasing.csra import csra_scores
from mmsrdl.models.heads import ClassFeatureHead
from mmsrdl.models.necks import GlobalMaxPooling, GlobalWeightedPooling
from mmsrdl.models.precision import at_least_float32

__all__ = [
    "HAVE_CLASS_EVIDENCE",
    "class_evidence",
    "has_class_evidence",
    "last_map",
    "through_neck",
]

Features = Tensor | Sequence[Tensor]
POOLING = (GlobalAveragePooling, GlobalMaxPooling, GlobalWeightedPooling)
HAVE_CLASS_EVIDENCE = (
    "which CSRAClsHead has, MultiLabelLinearClsHead after GlobalAveragePooling, "
    "mmsrdl.GlobalMaxPooling or mmsrdl.GlobalWeightedPooling as neck, and mmsrdl.ClassFeatureHead "
    "with mmsrdl.GlobalPooling and no relation, or with mmsrdl.PatchScores or mmsrdl.SVFRAttention"
)


def has_class_evidence(model: nn.Module) -> bool:
    """Whether :func:`class_evidence` knows the model's head.

    That is MMPretrain's ``CSRAClsHead``, its ``MultiLabelLinearClsHead`` after a global pooling,
    and a :class:`ClassFeatureHead` with :class:`GlobalPooling` and no relation, or with
    :class:`PatchScores` or :class:`SVFRAttention`.

    Args:
        model: An ``ImageClassifier``.
    """
    head = getattr(model, "head", None)
    if isinstance(head, CSRAClsHead):
        return True
    if isinstance(head, ClassFeatureHead):
        pools = isinstance(head.attention, GlobalPooling) and head.relation is None
        return pools or isinstance(head.attention, PatchScores)
    return isinstance(head, MultiLabelLinearClsHead) and isinstance(_neck(model), POOLING)


def class_evidence(model: nn.Module, features: Features, bias: bool = False) -> Tensor:
    r"""Computes the evidence for every class at every position.

    A classifier over a global pooling: :math:`\sum_d w_{cd} F_d`, the classifier at each position.
    Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016,
    Eq. (2). ``CSRAClsHead``: its scores at the position, summed over its modules.
    :class:`PatchScores` and :class:`SVFRAttention`: their scores of the position.

    Args:
        model: An ``ImageClassifier`` with :func:`has_class_evidence`.
        features: Output of ``model.backbone``.
        bias: Whether the classifier's bias, its logits of a feature of zeros, is added. CSRA has
            none.

    Returns:
        [B, C, h, w], float32 at least.

    Raises:
        ValueError: If the backbone returns no map.
    """
    head: Any = model.head
    if isinstance(head, CSRAClsHead):
        scores = csra_scores(head, head.pre_logits(through_neck(model, features)))
        return at_least_float32(torch.stack(scores)).sum(0)
    if isinstance(head, ClassFeatureHead) and isinstance(head.attention, PatchScores):
        return _scored_patches(head, through_neck(model, features))
    if isinstance(head, ClassFeatureHead):
        return _classified_positions(head, through_neck(model, features), bias)
    evidence = at_least_float32(
        torch.einsum("bdhw,cd->bchw", last_map(model, features), head.fc.weight)
    )
    return evidence + head.fc.bias[:, None, None] if bias else evidence


def _scored_patches(head: ClassFeatureHead, feats: Features) -> Tensor:
    """Returns the attention's scores of every position, [B, C, h, w]."""
    maps = head.attention(head.pre_logits(feats), head.label_side().attention)
    assert maps.scores is not None  # PatchScores has them
    return at_least_float32(maps.scores).unflatten(2, maps.size)


def _classified_positions(head: ClassFeatureHead, feats: Features, bias: bool) -> Tensor:
    """Classifies every position as if it were the pooled feature, [B, C, h, w]."""
    feature, labels = head.pre_logits(feats), head.label_side().classifier
    positions = feature.flatten(2).transpose(1, 2)  # (B, P, D)
    logits = head.classifier(positions.flatten(0, 1)[:, None], labels=labels)  # (B P, C)
    evidence = at_least_float32(logits)
    if not bias:
        nothing = head.classifier(torch.zeros_like(positions[:1, :1]), labels=labels)
        evidence = evidence - nothing
    return (
        evidence.unflatten(0, positions.shape[:2]).transpose(1, 2).unflatten(2, feature.shape[2:])
    )


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
