# Paper: none; SRDL on EfficientNet-Lite0 at 192 px, for images of one's own on small machines.
# Expected: depends on the images; docs/results.md has the same network on photographs of VOC.
# Run: mmsrdl train my_config.py, which inherits mmsrdl::own/srdl_lite0.py (`mmsrdl data init`)
_base_ = [
    "../_base_/systems/car.py",
    "../_base_/backbones/lite0.py",
    "../_base_/datasets/own_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
# The config that inherits gives num_classes and embedder.classes; without word_vectors the label
# vectors are learned.
model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, embedder=dict(word_vectors=None)),
)

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(
    logger=dict(interval=10),
    oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5),
)
