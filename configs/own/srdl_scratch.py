# Paper: none; SRDL on a narrow ResNet-18 at 96 px, trained from scratch on images of one's own: no
# weights are needed, and an epoch takes seconds. For trying things out, and for plain pictures.
# Expected: depends on the images; docs/results.md has the same network on the demo scenes.
# Run: mmsrdl train my_config.py, which inherits mmsrdl::own/srdl_scratch.py (`mmsrdl data init`)
_base_ = [
    "../_base_/systems/car.py",
    "../_base_/backbones/narrow_r18.py",
    "../_base_/datasets/own_448.py",
    "../_base_/default_runtime.py",
]

# The config that inherits gives num_classes and embedder.classes; without word_vectors the label
# vectors are learned.
model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        embedder=dict(word_vectors=None),
        attention=dict(hidden_channels=32),
    ),
)

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(
    logger=dict(interval=10),
    oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5),
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(112, 112), interpolation="bicubic", backend="pillow"),
    dict(type="mmsrdl.MultiScaleCrop", sizes=(112, 104, 96, 88, 80)),
    dict(type="Resize", scale=(96, 96), interpolation="bicubic", backend="pillow"),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(96, 96), interpolation="bicubic", backend="pillow"),
    _base_.test_pipeline[-1],
]
train_dataloader = dict(batch_size=32, num_workers=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=4e-3, weight_decay=0.02),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={"head": dict(lr_mult=0.5, decay_mult=0.0)},
    ),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.04, by_epoch=False, end=50),
    dict(type="CosineAnnealingLR", by_epoch=True, eta_min_ratio=0.001, convert_to_iter_based=True),
]
train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=30, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32, enable=False)
