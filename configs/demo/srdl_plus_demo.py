# Paper: none; SRDL+, which is ours (docs/srdl_plus.md), on the built-in demo scenes, from scratch.
# Expected: docs/results.md.
# Run: python tools/demo.py --systems srdl_plus
_base_ = [
    "../_base_/systems/srdl_plus.py",
    "../_base_/backbones/narrow_r18.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/demo_8e.py",
    "../_base_/demo_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        num_classes=14,
        attention=dict(hidden_channels=64),
    ),
)
