# ML-GCN: a graph convolution over word vectors makes the classifiers of a max-pooled feature.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.ClassFeatureHead",
        embedder=dict(
            type="mmsrdl.MLGCNLabelEmbedder",
            # Give the file's place with --word-vectors FILE.
            word_vectors="data/glove/glove.6B.300d.txt",
            # The last is the backbone's number of channels.
            hidden_dims=(1024, 2048),
            threshold=0.4,
            neighbor_weight=0.25,
        ),
        attention=dict(type="mmsrdl.GlobalPooling", mode="max"),
        classifier=dict(type="mmsrdl.EmbeddingClassifier"),
        # Mean over classes and images, 1/C of what SRDL's configs have: at a learning rate of 0.1
        # this scale matters.
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="mean"),
        thr=0.5,
    ),
)
