# Paper: ML-GCN (Chen et al., CVPR 2019) on SRDL's data, MS-COCO 2014; departures: docs/systems/mlgcn.md.
# Expected: mAP 83.0 (ML-GCN), 80.9 (SRDL's table)
# Not run at full scale by this project; the figures are the papers'.
# Run: python tools/train.py configs/mlgcn/mlgcn_r101_coco.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/systems/mlgcn.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/schedules/mlgcn.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=80, embedder=dict(classes="coco")),
)
