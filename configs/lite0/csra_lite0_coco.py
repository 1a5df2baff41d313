# Paper: none; CSRA on EfficientNet-Lite0 at 192 px, MS-COCO 2014, for small machines.
# Expected: docs/results.md has what was measured on a subset.
# Run: python tools/train.py configs/lite0/csra_lite0_coco.py
_base_ = [
    "../_base_/systems/csra.py",
    "../_base_/backbones/lite0.py",
    "../_base_/datasets/coco14_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))
