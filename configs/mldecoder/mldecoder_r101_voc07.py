# Paper: ML-Decoder on ResNet-101, 448 px, PASCAL VOC 2007.
# Expected: unknown for ResNet-101; with TResNet-L, which this config has not, its authors report
# mAP 96.6. Not run at full scale by this project.
# Run: python tools/train.py configs/mldecoder/mldecoder_r101_voc07.py
#
# Its authors released no recipe for this data set: this is theirs for MS-COCO.
_base_ = [
    "../_base_/systems/mldecoder.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/datasets/randaugment_448.py",
    "../_base_/schedules/onecycle_adam_40e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=20),
)
train_dataloader = dict(batch_size=56, dataset=dict(pipeline=_base_.randaugment_pipeline))
# An epoch has a sixteenth of MS-COCO's iterations: the moving average spans as many epochs, not
# iterations, of which 0.9997 would keep a third or more of the first weights to the end.
custom_hooks = [dict(_base_.custom_hooks[0], momentum=5e-3)]
