# Paper: none; SRDL+, which is ours: docs/srdl_plus.md. EfficientNet-Lite0, 192 px, MS-COCO 2014.
# Expected: docs/results.md has what was measured on a subset.
# Run: python tools/train.py configs/plus/srdl_plus_lite0_coco.py
_base_ = [
    "../_base_/systems/srdl_plus.py",
    "../_base_/backbones/lite0.py",
    "../_base_/datasets/coco14_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))

# The head's rate is that of the search on frozen maps, three times the schedule's.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"head": dict(lr_mult=3, decay_mult=0.0)}),
)
