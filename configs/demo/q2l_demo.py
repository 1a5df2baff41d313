# Paper: none; Query2Label, with a small decoder, on the built-in demo scenes, from scratch.
# Expected: docs/results.md.
# Run: python tools/demo.py --systems q2l
_base_ = [
    "../_base_/systems/q2l.py",
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
        # d = 64, a thirty-second of the paper's.
        embedder=dict(classes=_base_.classes, embed_dims=64),
        attention=dict(feedforward_channels=256),
    ),
)

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"head": dict(lr_mult=0.1, decay_mult=0.0)}),
)
