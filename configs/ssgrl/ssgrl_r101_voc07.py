# Paper: SSGRL (Chen et al., ICCV 2019), ResNet-101, here at 448 px as in SRDL's tables, PASCAL VOC 2007;
# departures: docs/systems/ssgrl.md.
# Expected: mAP 93.4 (its own paper, 576 px); 92.8 (SRDL, Table 4)
# Not run at full scale by this project; the figures are the papers'.
# Run: python tools/train.py configs/ssgrl/ssgrl_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/systems/ssgrl.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/schedules/ssgrl.py",
    "../_base_/default_runtime.py",
]

# As in its code, all of the backbone but its last stage is frozen, and no image is flipped; its crops
# are scaled from 576 to 448 px, which are those of the data set's config.
model = dict(
    backbone=dict(frozen_stages=3, **_base_.backbone),
    head=dict(in_channels=_base_.in_channels, num_classes=20, embedder=dict(classes="voc")),
)
train_pipeline = [step for step in _base_.train_pipeline if step["type"] != "RandomFlip"]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
