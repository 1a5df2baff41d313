# Paper: Zhu and Wu, "Residual Attention", ICCV 2021: CSRA, ResNet-101, 448 px, PASCAL VOC 2007.
# Expected: mAP 94.7 (MMPretrain's own config: 94.98)
# Not run at full scale by this project; the figure is the paper's code's.
# Run: python tools/train.py configs/csra/csra_r101_voc07.py
_base_ = [
    "../_base_/systems/csra.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/pipelines/csra_448.py",
    "../_base_/schedules/csra_sgd_30e.py",
    "../_base_/default_runtime.py",
]

# Images in [0, 1], as the published weights want them.
data_preprocessor = dict(mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0])
model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=20))
train_dataloader = dict(dataset=dict(pipeline=_base_.recipe_pipeline))
