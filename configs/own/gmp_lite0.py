# Paper: none; the global max pooling baseline of srdl_lite0.py, for images of one's own.
# Expected: depends on the images; docs/results.md has the same network on photographs of VOC.
# Run: mmsrdl train my_config.py, which inherits mmsrdl::own/gmp_lite0.py (`mmsrdl data init`)
_base_ = [
    "../_base_/systems/gmp.py",
    "../_base_/backbones/lite0.py",
    "../_base_/datasets/own_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
# The config that inherits gives num_classes.
model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels))
default_hooks = dict(logger=dict(interval=10))
