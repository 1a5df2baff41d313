# Paper: Zhou, Huang and Xing, DSDL, AAAI 2021: ResNet-101, 448 px, MS-COCO 2014.
# Expected: mAP 81.7, CF1 76.7, OF1 79.1 (DSDL's, and SRDL's Tables 1 and 2)
# Not run at full scale by this project; the figures are those papers'.
# Run: python tools/train.py configs/dsdl/dsdl_r101_coco.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/systems/dsdl.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/schedules/dsdl_sgd_200e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        num_classes=80,
        embedder=dict(classes="coco", out_dims=_base_.in_channels),
    ),
)
train_dataloader = dict(batch_size=32)
