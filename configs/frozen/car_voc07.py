# Paper: SRDL, Table 5 (CAR), on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/car_voc07.py
_base_ = [
    "../_base_/backbones/cached_lite0.py",
    "../_base_/datasets/voc07_maps.py",
    "../_base_/schedules/frozen_10e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=_base_.backbone,
    head=dict(
        type="mmsrdl.CARHead",
        num_classes=20,
        in_channels=_base_.in_channels,
        embedder=dict(
            type="mmsrdl.GCNLabelEmbedder",
            classes="voc",
            word_vectors="data/glove/glove.6B.300d.txt",
        ),
    ),
)
