# Paper: none; SRDL+, which is ours: docs/srdl_plus.md. ResNet-101, 448 px, PASCAL VOC 2007.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/plus/srdl_plus_r101_voc07.py
_base_ = [
    "../_base_/systems/srdl_plus.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/schedules/srdl_adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=20))

# SRDL's schedule; the head starts from nothing, so its rate is that of the search on frozen maps.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"head": dict(lr_mult=100, decay_mult=0.0)}),
)
