"""Models: label embedder x attention x classifier x loss."""

from mmsrdl.models.attention import (
    AttentionMaps,
    CARAttention,
    ClassAttention,
    GlobalPooling,
    GroupDecoder,
    LabelDecoder,
    QueryDecoder,
    SemanticAttention,
    SemanticDecoupling,
)
from mmsrdl.models.backbones import CachedMaps
from mmsrdl.models.classifiers import MCARClassifier
from mmsrdl.models.embedders import (
    AutoencoderLabelEmbedder,
    GCNLabelEmbedder,
    MLGCNLabelEmbedder,
    SentenceEncoder,
    VocabularyEmbedder,
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
    SigRLHead,
    TwoStreamClassifier,
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
from mmsrdl.models.necks import CLIPProjection, GlobalMaxPooling, GlobalWeightedPooling
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
    "CLIPProjection",
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
    "PredictionGCN",
    "QueryDecoder",
    "ROLELoss",
    "SemanticAttention",
    "SemanticDecoupling",
    "SentenceEncoder",
    "SigRLHead",
    "TwoStreamClassifier",
    "VLPLLoss",
    "VocabularyEmbedder",
    "backbone_init_cfg",
    "erased_region",
    "load_from_timm",
]
