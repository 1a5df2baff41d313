# SigRL's head on the built-in demo scenes of 64 px, on from the encoder of configs/encoder.py.
_base_ = ["../../configs/demo_4e.py"]

model = dict(
    type="ImageClassifier",
    backbone=_base_.backbone,
    neck=dict(type="mmsrdl.TokensOfMap", in_channels=_base_.in_channels, out_channels=32),
    head=dict(
        type="mmsrdl.SigRLHead",
        in_channels=32,
        embedder=dict(embed_dims=32, normalise=True),
        classifier=dict(topk=4),
        topk=3,
    ),
)
