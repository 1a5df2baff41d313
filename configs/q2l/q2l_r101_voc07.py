# Paper: Query2Label on ResNet-101, 448 px, PASCAL VOC 2007.
# Expected: unknown; no ResNet-101 figure is known to this project, which has not run it at full scale.
# Run: python tools/train.py configs/q2l/q2l_r101_voc07.py
#
# Its authors released no recipe for this data set: theirs for MS-COCO in half the epochs is ours.
_base_ = [
    "../_base_/systems/q2l.py",
    "../_base_/backbones/r101_frozen_bn.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/datasets/randaugment_448.py",
    "../_base_/schedules/q2l_adamw_80e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=20, embedder=dict(classes="voc")),
)
train_dataloader = dict(
    batch_size=64, drop_last=True, dataset=dict(pipeline=_base_.randaugment_pipeline)
)
param_scheduler = dict(end=40)
train_cfg = dict(max_epochs=40)
# An epoch has a sixteenth of MS-COCO's iterations: the moving average spans as many epochs, not
# iterations, of which 0.9997 would keep a third or more of the first weights to the end.
custom_hooks = [dict(_base_.custom_hooks[0], momentum=5e-3), _base_.custom_hooks[1]]
