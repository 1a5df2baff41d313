# Paper: SRDL, Table 6 (line 2): the semantic decoupling of SSGRL in SRDL's recipe, PASCAL VOC 2007.
# Expected: mAP 92.2
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/ssgrl/sd_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/systems/sd.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/schedules/srdl_adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=20, embedder=dict(classes="voc")),
)
