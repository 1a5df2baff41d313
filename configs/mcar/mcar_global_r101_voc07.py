# Paper: Gao and Zhou, MCAR, TIP 2021: the global stream alone, ResNet-101, 448 px, PASCAL VOC 2007.
# Expected: mAP 93.4 (SRDL's Table 4)
# Not run at full scale by this project; the figures are those papers'.
# Run: python tools/train.py configs/mcar/mcar_global_r101_voc07.py
_base_ = [
    "../_base_/systems/mcar_global.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/pipelines/color_jitter_448.py",
    "../_base_/schedules/mcar_sgd_60e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=20))
train_dataloader = dict(dataset=dict(pipeline=_base_.recipe_pipeline))
