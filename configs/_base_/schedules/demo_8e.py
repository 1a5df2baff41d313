# A short training from scratch on the demo scenes.
optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=8e-3, weight_decay=0.02),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.04, end=2, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        T_max=6,
        eta_min_ratio=0.001,
        begin=2,
        end=8,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=8, val_interval=8)
val_cfg = dict()
test_cfg = dict()
