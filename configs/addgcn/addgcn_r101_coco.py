# Paper: ADD-GCN (Ye et al., ECCV 2020), ResNet-101, 448 px, on SRDL's data and crops, MS-COCO 2014;
# departures: docs/systems/addgcn.md.
# Expected: mAP 84.2 (its README, 448 px)
# Not run at full scale by this project; the figure is the authors'.
# Run: python tools/train.py configs/addgcn/addgcn_r101_coco.py
_base_ = [
    "../_base_/systems/addgcn.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/schedules/addgcn.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))
# The graph's batch normalisation cannot train on a last batch of one image.
train_dataloader = dict(batch_size=32, drop_last=True)
