# Paper: assume negative (AN; Cole et al., CVPR 2021), one positive label, PASCAL VOC 2012.
# Expected: mAP 85.89 (Zhou et al., ECCV 2022)
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/an_r50_voc12.py
_base_ = [
    "../_base_/systems/linear.py",
    "../_base_/backbones/r50.py",
    "../_base_/datasets/voc12_one_positive.py",
    "../_base_/schedules/single_positive_adam_10e.py",
    "../_base_/single_positive_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        num_classes=20,
        # PyTorch's own, uniform in +-1 / sqrt(channels).
        init_cfg=None,
        loss=dict(_delete_=True, type="mmsrdl.AssumeNegativeLoss"),
    ),
)

auto_scale_lr = dict(base_batch_size=8, enable=False)
