# Paper: Query2Label on ResNet-101, 448 px, MS-COCO 2014.
# Expected: mAP 84.9
# Not run at full scale by this project; the figure is its authors', with their own augmentation.
# Run: python tools/train.py configs/q2l/q2l_r101_coco.py
_base_ = [
    "../_base_/systems/q2l.py",
    "../_base_/backbones/r101_frozen_bn.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/datasets/randaugment_448.py",
    "../_base_/schedules/q2l_adamw_80e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=80, embedder=dict(classes="coco")),
)
train_dataloader = dict(
    batch_size=64, drop_last=True, dataset=dict(pipeline=_base_.randaugment_pipeline)
)
