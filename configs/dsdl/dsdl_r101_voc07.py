# Paper: Zhou, Huang and Xing, DSDL, AAAI 2021: ResNet-101, 448 px, PASCAL VOC 2007.
# Expected: mAP 94.4 (DSDL's, and SRDL's Table 4)
# Not run at full scale by this project; the figures are those papers'.
# Run: python tools/train.py configs/dsdl/dsdl_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/systems/dsdl.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/schedules/dsdl_sgd_200e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        num_classes=20,
        embedder=dict(classes="voc", out_dims=_base_.in_channels),
        classifier=dict(ridge=10.0, fit_weight=1e-4),
    ),
)
train_dataloader = dict(batch_size=32)
