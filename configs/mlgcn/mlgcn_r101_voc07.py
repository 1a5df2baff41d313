# Paper: ML-GCN (Chen et al., CVPR 2019) on SRDL's data, PASCAL VOC 2007; departures: docs/systems/mlgcn.md.
# Expected: mAP 94.0 (ML-GCN), 92.0 (SRDL's table)
# Not run at full scale by this project; the figures are the papers'.
# Run: python tools/train.py configs/mlgcn/mlgcn_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/systems/mlgcn.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/schedules/mlgcn.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=20, embedder=dict(classes="voc")),
)
