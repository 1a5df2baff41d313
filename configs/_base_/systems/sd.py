# Semantic decoupling (SD) of SSGRL alone, before one classifier a class as CAR has.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.ClassFeatureHead",
        # Fixed word vectors, without a graph over the labels.
        embedder=dict(
            type="mmsrdl.GCNLabelEmbedder",
            # Give the file's place with --word-vectors FILE.
            word_vectors="data/glove/glove.6B.300d.txt",
            embed_dims=300,
            num_layers=0,
        ),
        attention=dict(type="mmsrdl.SemanticDecoupling", hidden_channels=1024),
        classifier="per_class",
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="batchmean"),
        thr=0.5,
    ),
)
