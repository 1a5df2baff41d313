# Paper: P-GCN (Chen et al., TPAMI 2023), reconstructed from its abstract, MS-COCO 2014: docs/systems/pgcn.md.
# Expected: mAP 83.2 (P-GCN, in SRDL's table)
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/pgcn/pgcn_r101_coco.py
_base_ = [
    "../_base_/systems/pgcn.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/schedules/mlgcn.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))
