# The semantic attention module (SAM) of ADD-GCN alone, before one classifier a class as CAR has.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.ClassFeatureHead",
        attention=dict(type="mmsrdl.SemanticAttention", out_channels=1024),
        classifier="per_class",
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="batchmean"),
        thr=0.5,
    ),
)
