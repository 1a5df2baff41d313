"""Models: label embedder x attention x classifier x loss."""

from mmsrdl.models.attention import (
    AttentionMaps,
    CARAttention,
    ClassAttention,
    GlobalPooling,
    GroupDecoder,
    LabelDecoder,
    QueryDecoder,
)
from mmsrdl.models.backbones import CachedMaps
from mmsrdl.models.embedders import GCNLabelEmbedder, MLGCNLabelEmbedder
from mmsrdl.models.erasing import ObjectErasing, erased_region
from mmsrdl.models.heads import (
    CARHead,
    ClassClassifier,
    ClassFeatureHead,
    EmbeddingClassifier,
    FeatureClassifier,
    GroupClassifier,
    IdentityClassifier,
)
from mmsrdl.models.label_graph import CooccurrenceGraph
from mmsrdl.models.losses import MultiLabelBCELoss
from mmsrdl.models.necks import GlobalMaxPooling
from mmsrdl.models.relations import ClassRelation, DecoderRelation, PredictionGCN
from mmsrdl.models.weights import backbone_init_cfg, load_from_timm

__all__ = [
    "AttentionMaps",
    "CARAttention",
    "CARHead",
    "CachedMaps",
    "ClassAttention",
    "ClassClassifier",
    "ClassFeatureHead",
    "ClassRelation",
    "CooccurrenceGraph",
    "DecoderRelation",
    "EmbeddingClassifier",
    "FeatureClassifier",
    "GCNLabelEmbedder",
    "GlobalMaxPooling",
    "GlobalPooling",
    "GroupClassifier",
    "GroupDecoder",
    "IdentityClassifier",
    "LabelDecoder",
    "MLGCNLabelEmbedder",
    "MultiLabelBCELoss",
    "ObjectErasing",
    "PredictionGCN",
    "QueryDecoder",
    "backbone_init_cfg",
    "erased_region",
    "load_from_timm",
]
