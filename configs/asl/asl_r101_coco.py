# Paper: Ben-Baruch et al., ICCV 2021: ASL over the GAP baseline, 448 px, MS-COCO 2014.
# Expected: unknown with ResNet-101 (the paper's TResNet-L: mAP 86.6)
# Not run at full scale by this project; the figure is the paper's code's.
# Run: python tools/train.py configs/asl/asl_r101_coco.py
_base_ = [
    "../_base_/systems/asl.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/datasets/randaugment_448.py",
    "../_base_/schedules/onecycle_adam_40e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=_base_.randaugment_pipeline))
# The released code plans 80 epochs and stops after 40.
param_scheduler = dict(end=80)
