# Paper: Gao and Zhou, MCAR, TIP 2021: both streams, ResNet-101, 448 px, PASCAL VOC 2007.
# Expected: mAP 94.8 (MCAR's); SRDL's Table 4 has the global stream's
# Not run at full scale by this project; the figures are those papers'.
# Run: python tools/train.py configs/mcar/mcar_r101_voc07.py
_base_ = [
    "../_base_/systems/mcar.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/pipelines/color_jitter_448.py",
    "../_base_/schedules/mcar_sgd_60e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=20))
train_dataloader = dict(dataset=dict(pipeline=_base_.recipe_pipeline))
# Five images for each of these go through the network.
val_dataloader = dict(batch_size=8)
test_dataloader = val_dataloader
