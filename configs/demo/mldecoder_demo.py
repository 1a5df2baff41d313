# Paper: none; ML-Decoder, with a small decoder, on the built-in demo scenes, from scratch.
# Expected: docs/results.md.
# Run: python tools/demo.py --systems mldecoder
_base_ = [
    "../_base_/systems/mldecoder.py",
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
        # d = 64, a twelfth of the paper's.
        attention=dict(hidden_channels=64, feedforward_channels=256),
    ),
)

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"head": dict(lr_mult=0.5, decay_mult=0.0)}),
)
