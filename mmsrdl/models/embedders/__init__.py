"""Label embeddings: word vectors, and graphs over them."""

from mmsrdl.models.embedders.adjacency import init_adjacency, normalize_adjacency
from mmsrdl.models.embedders.gcn_label_embedder import GCNLabelEmbedder
from mmsrdl.models.embedders.word_vectors import load_word_vectors

__all__ = [
    "GCNLabelEmbedder",
    "init_adjacency",
    "load_word_vectors",
    "normalize_adjacency",
]
