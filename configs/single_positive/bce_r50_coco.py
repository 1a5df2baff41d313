# Paper: the fully labelled bound of Cole et al., CVPR 2021, MS-COCO 2014.
# Expected: mAP 76.78 (Zhou et al., ECCV 2022)
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/bce_r50_coco.py
_base_ = [
    "../_base_/systems/linear.py",
    "../_base_/backbones/r50.py",
    "../_base_/datasets/coco14_held_out.py",
    "../_base_/schedules/single_positive_adam_10e.py",
    "../_base_/single_positive_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        num_classes=80,
        # PyTorch's own, uniform in +-1 / sqrt(channels).
        init_cfg=None,
    ),
)

auto_scale_lr = dict(base_batch_size=16, enable=False)
