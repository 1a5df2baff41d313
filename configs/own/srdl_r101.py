# Paper: SRDL (CAR + OE), ResNet-101, 448 px, with its optimiser, for images of one's own.
# Expected: depends on the images.
# Run: mmsrdl train my_config.py, which inherits mmsrdl::own/srdl_r101.py (`mmsrdl data init`)
_base_ = [
    "../_base_/systems/car.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/own_448.py",
    "../_base_/schedules/srdl_adam_20e.py",
    "../_base_/default_runtime.py",
]

# The config that inherits gives num_classes and embedder.classes; without word_vectors the label
# vectors are learned.
model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, embedder=dict(word_vectors=None)),
)

# In place of the paper's steps: it ends with the last epoch, however many there are.
param_scheduler = dict(
    _delete_=True,
    type="CosineAnnealingLR",
    by_epoch=True,
    eta_min_ratio=0.01,
    convert_to_iter_based=True,
)

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(
    logger=dict(interval=10),
    oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5),
)
