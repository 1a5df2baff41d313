# Paper: Ben-Baruch et al., ICCV 2021: ASL over the GAP baseline, 448 px, PASCAL VOC 2007.
# Expected: unknown with ResNet-101 (TResNet-L: mAP 94.6, a figure that was not checked)
# Not run at full scale by this project; the figure is the paper's code's.
# Run: python tools/train.py configs/asl/asl_r101_voc07.py
_base_ = [
    "../_base_/systems/asl.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/datasets/randaugment_448.py",
    "../_base_/schedules/onecycle_adam_40e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=20))
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=_base_.randaugment_pipeline))
# The released code plans 80 epochs and stops after 40.
param_scheduler = dict(end=80)
# An epoch has a sixteenth of MS-COCO's iterations: the moving average spans as many epochs, not
# iterations, of which 0.9997 would keep a third or more of the first weights to the end.
custom_hooks = [dict(_base_.custom_hooks[0], momentum=5e-3)]
