# Paper: SSGRL (Chen et al., ICCV 2019), on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/ssgrl_voc07.py
_base_ = [
    "../_base_/systems/ssgrl.py",
    "../_base_/backbones/cached_lite0.py",
    "../_base_/datasets/voc07_maps.py",
    "../_base_/schedules/frozen_10e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        num_classes=20,
        embedder=dict(classes="voc"),
        avg_pool=1,  # 6 x 6 positions are few already
    ),
)
