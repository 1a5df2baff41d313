# What takes the place of CLIP's image encoder: class token against label vectors, from scratch.
_base_ = ["./demo.py"]

model = dict(
    head=dict(
        attention=dict(type="mmsrdl.PatchScores"),
        classifier=dict(local=False, normalise="cosine", scale=14.0),
        loss=dict(type="mmsrdl.MultiPositiveSoftmaxLoss"),
    )
)

train_cfg = dict(max_epochs=12, val_interval=12)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.04, end=2, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        T_max=10,
        eta_min_ratio=0.001,
        begin=2,
        end=12,
        convert_to_iter_based=True,
    ),
]
