# Query2Label: one encoder layer, two decoder layers, whose queries are a learned vector a class.
# The widths are those of ResNet-101's map: d = 2048, and 8192 inside the feed-forward networks,
# about 150 M parameters.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.ClassFeatureHead",
        embedder=dict(type="mmsrdl.GCNLabelEmbedder", num_layers=0, embed_dims=2048),
        # As released, labels do not attend to each other; the paper: self_attention="all".
        attention=dict(type="mmsrdl.QueryDecoder", self_attention="none"),
        classifier="per_class",
        # As released, but for two points: there no gradient flows through the focusing weight,
        # and the sum is divided by B C / 1000.
        loss=dict(type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=2.0, clip=0.05, eps=1e-5),
        thr=0.5,
    ),
)
