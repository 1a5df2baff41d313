# Paper: P-GCN (Chen et al., TPAMI 2023), reconstructed from its abstract, on frozen maps, VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/pgcn_voc07.py
_base_ = [
    "../_base_/systems/pgcn.py",
    "../_base_/backbones/cached_lite0.py",
    "../_base_/datasets/voc07_maps.py",
    "../_base_/schedules/frozen_10e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=20))
