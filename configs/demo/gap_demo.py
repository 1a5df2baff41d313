# Paper: none; the global average pooling baseline on the built-in demo scenes, from scratch.
# Expected: docs/results.md.
# Run: python tools/demo.py --systems gap
_base_ = [
    "../_base_/systems/linear.py",
    "../_base_/backbones/narrow_r18.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/demo_8e.py",
    "../_base_/demo_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=14))
