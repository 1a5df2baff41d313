# P-GCN, reconstructed from its abstract: what that leaves open is ML-GCN's or this project's, see
# docs/systems/pgcn.md.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.ClassFeatureHead",
        attention=dict(type="mmsrdl.GlobalPooling", mode="max"),
        relation=dict(
            type="mmsrdl.PredictionGCN", hidden_dims=(1024, 1), threshold=0.4, neighbor_weight=0.25
        ),
        classifier=dict(type="mmsrdl.IdentityClassifier"),
        # Mean over classes and images, as ML-GCN has it.
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="mean"),
        thr=0.5,
    ),
)
