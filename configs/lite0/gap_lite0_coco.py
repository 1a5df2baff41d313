# Paper: none; the global average pooling baseline of srdl_lite0_coco.py, MS-COCO 2014.
# Expected: docs/results.md has what was measured on a subset.
# Run: python tools/train.py configs/lite0/gap_lite0_coco.py
_base_ = [
    "../_base_/systems/linear.py",
    "../_base_/backbones/lite0.py",
    "../_base_/datasets/coco14_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))
