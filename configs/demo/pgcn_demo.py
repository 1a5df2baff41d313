# Paper: none; P-GCN, reconstructed from its abstract, on the built-in demo scenes, from scratch.
# Expected: docs/systems/pgcn.md.
# Run: python tools/demo.py --systems pgcn
_base_ = [
    "../_base_/systems/pgcn.py",
    "../_base_/backbones/narrow_r18.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/demo_8e.py",
    "../_base_/demo_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=14, relation=dict(hidden_dims=(64, 1))),
)
