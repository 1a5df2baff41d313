# SRDL without its erasing, which default_hooks add: the CAR head.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.CARHead",
        embedder=dict(
            type="mmsrdl.GCNLabelEmbedder",
            # Give the file's place with --word-vectors FILE.
            word_vectors="data/glove/glove.6B.300d.txt",
            embed_dims=300,
            num_layers=2,
            adjacency="random",
        ),
        attention=dict(type="mmsrdl.CARAttention", weights=(0.5, 0.5)),
        classifier="per_class",
        # Sum over classes, mean over images: C times the mean over all entries. With
        # Adam's coupled weight decay this scale matters.
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="batchmean"),
        thr=0.5,
    ),
)
