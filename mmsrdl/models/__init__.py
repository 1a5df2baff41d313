"""Models: label embedder x attention x classifier x loss."""

from mmsrdl.models.attention import (
    AttentionMaps,
    CARAttention,
    ClassAttention,
    GlobalPooling,
    GroupDecoder,
    LabelDecoder,
    PatchScores,
    QueryDecoder,
    SemanticAttention,
    SemanticDecoupling,
    SVFRAttention,
)
from mmsrdl.models.backbones import CachedMaps
from mmsrdl.models.classifiers import MCARClassifier
from mmsrdl.models.embedders import (
    AutoencoderLabelEmbedder,
    GATv2,
    GCNLabelEmbedder,
    MLGCNLabelEmbedder,
)
from mmsrdl.models.erasing import ObjectErasing, erased_region
from mmsrdl.models.heads import (
    CARHead,
    ClassClassifier,
    ClassFeatureHead,
    DictionaryClassifier,
    EmbeddingClassifier,
    FeatureClassifier,
    GroupClassifier,
    IdentityClassifier,
)
from mmsrdl.models.label_graph import CooccurrenceGraph
from mmsrdl.models.losses import (
    AssumeNegativeLoss,
    AsymmetricVLPLLoss,
    EMAPLLoss,
    EntropyMaximizationLoss,
    MultiLabelASLLoss,
    MultiLabelBCELoss,
    PartialBCELoss,
    ROLELoss,
    VLPLLoss,
)
from mmsrdl.models.necks import GlobalMaxPooling, GlobalWeightedPooling
from mmsrdl.models.relations import GGNN, ClassRelation, DecoderRelation, DynamicGCN, PredictionGCN
from mmsrdl.models.weights import backbone_init_cfg, load_from_timm

__all__ = [
    "GGNN",
    "AssumeNegativeLoss",
    "AsymmetricVLPLLoss",
    "AttentionMaps",
    "AutoencoderLabelEmbedder",
    "CARAttention",
    "CARHead",
    "CachedMaps",
    "ClassAttention",
    "ClassClassifier",
    "ClassFeatureHead",
    "ClassRelation",
    "CooccurrenceGraph",
    "DecoderRelation",
    "DictionaryClassifier",
    "DynamicGCN",
    "EMAPLLoss",
    "EmbeddingClassifier",
    "EntropyMaximizationLoss",
    "FeatureClassifier",
    "GATv2",
    "GCNLabelEmbedder",
    "GlobalMaxPooling",
    "GlobalPooling",
    "GlobalWeightedPooling",
    "GroupClassifier",
    "GroupDecoder",
    "IdentityClassifier",
    "LabelDecoder",
    "MCARClassifier",
    "MLGCNLabelEmbedder",
    "MultiLabelASLLoss",
    "MultiLabelBCELoss",
    "ObjectErasing",
    "PartialBCELoss",
    "PatchScores",
    "PredictionGCN",
    "QueryDecoder",
    "ROLELoss",
    "SVFRAttention",
    "SemanticAttention",
    "SemanticDecoupling",
    "VLPLLoss",
    "backbone_init_cfg",
    "erased_region",
    "load_from_timm",
]
