"""Attention of every class over the feature map."""

from mmsrdl.models.attention.base import AttentionMaps, ClassAttention
from mmsrdl.models.attention.car import CARAttention
from mmsrdl.models.attention.evidence_pooling import EvidencePooling
from mmsrdl.models.attention.global_pooling import GlobalPooling
from mmsrdl.models.attention.group_decoder import GroupDecoder
from mmsrdl.models.attention.label_decoder import LabelDecoder
from mmsrdl.models.attention.patch_scores import PatchScores
from mmsrdl.models.attention.query_decoder import QueryDecoder
from mmsrdl.models.attention.semantic_attention import SemanticAttention
from mmsrdl.models.attention.semantic_decoupling import SemanticDecoupling
from mmsrdl.models.attention.svfr import SVFRAttention, SVFRLabels

__all__ = [
    "AttentionMaps",
    "CARAttention",
    "ClassAttention",
    "EvidencePooling",
    "GlobalPooling",
    "GroupDecoder",
    "LabelDecoder",
    "PatchScores",
    "QueryDecoder",
    "SVFRAttention",
    "SVFRLabels",
    "SemanticAttention",
    "SemanticDecoupling",
]
