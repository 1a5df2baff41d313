# Paper: none; ADD-GCN on the built-in demo scenes, from scratch.
# Expected: docs/systems/addgcn.md.
# Run: python tools/demo.py --systems addgcn
_base_ = [
    "../_base_/systems/addgcn.py",
    "../_base_/backbones/narrow_r18.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/demo_8e.py",
    "../_base_/demo_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=14, attention=dict(out_channels=32)),
)
train_dataloader = dict(drop_last=True)

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"head": dict(lr_mult=0.5, decay_mult=0.0)}),
)
