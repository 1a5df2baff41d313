"""Label embeddings: word vectors, and graphs over them."""

from mmsrdl.models.embedders.adjacency import (
    init_adjacency,
    normalize_adjacency,
    reweighted_adjacency,
)
from mmsrdl.models.embedders.autoencoder_label_embedder import AutoencoderLabelEmbedder
from mmsrdl.models.embedders.gatv2 import GATv2, GATv2Layer
from mmsrdl.models.embedders.gcn_label_embedder import GCNLabelEmbedder
from mmsrdl.models.embedders.label_vectors import (
    LabelVectors,
    cached_label_vectors,
    make_label_vectors,
)
from mmsrdl.models.embedders.mlgcn_label_embedder import MLGCNLabelEmbedder
from mmsrdl.models.embedders.text_encoder import SentenceEncoder, TextEncoder
from mmsrdl.models.embedders.vocabulary_embedder import VocabularyEmbedder
from mmsrdl.models.embedders.word_vector_embedder import WordVectorEmbedder
from mmsrdl.models.embedders.word_vectors import load_word_vectors

__all__ = [
    "AutoencoderLabelEmbedder",
    "GATv2",
    "GATv2Layer",
    "GCNLabelEmbedder",
    "LabelVectors",
    "MLGCNLabelEmbedder",
    "SentenceEncoder",
    "TextEncoder",
    "VocabularyEmbedder",
    "WordVectorEmbedder",
    "cached_label_vectors",
    "init_adjacency",
    "load_word_vectors",
    "make_label_vectors",
    "normalize_adjacency",
    "reweighted_adjacency",
]
