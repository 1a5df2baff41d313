# Paper: ML-Decoder on ResNet-101, 448 px, MS-COCO 2014.
# Expected: unknown for ResNet-101; with TResNet-L, which this config has not, its authors report
# mAP 90.0. Not run at full scale by this project.
# Run: python tools/train.py configs/mldecoder/mldecoder_r101_coco.py
_base_ = [
    "../_base_/systems/mldecoder.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/datasets/randaugment_448.py",
    "../_base_/schedules/onecycle_adam_40e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=80),
)
train_dataloader = dict(batch_size=56, dataset=dict(pipeline=_base_.randaugment_pipeline))
