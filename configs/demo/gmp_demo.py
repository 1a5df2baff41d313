# Paper: none; the global max pooling baseline on the built-in demo scenes, from scratch.
# Expected: docs/results.md.
# Run: make demo
_base_ = [
    "../_base_/models/narrow_r18.py",
    "../_base_/datasets/demo.py",
    "../_base_/default_runtime.py",
]

model = dict(
    neck=dict(type="mmsrdl.GlobalMaxPooling"),
    head=dict(
        type="MultiLabelLinearClsHead",
        num_classes=14,
        in_channels=64,
        loss=dict(type="mmsrdl.MultiLabelBCELoss"),
    ),
)

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

default_hooks = dict(
    logger=dict(interval=20),
    # The last checkpoint is the result: choosing the best one would choose on the test set.
    checkpoint=dict(save_best=None, max_keep_ckpts=1),
)
