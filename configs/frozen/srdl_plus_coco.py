# Paper: none; SRDL+, which is ours: docs/srdl_plus.md. On frozen maps, MS-COCO 2014.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_plus_coco.py
_base_ = [
    "../_base_/systems/srdl_plus.py",
    "../_base_/backbones/cached_lite0.py",
    "../_base_/datasets/coco14_maps.py",
    "../_base_/schedules/frozen_10e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))
