# Paper: SRDL, Tables 5 and 6 (line 1): the baseline, global average pooling, MS-COCO 2014.
# Expected: mAP 77.1, CF1 72.5, OF1 76.5
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/table5/r101_gap_coco.py
_base_ = [
    "../_base_/systems/linear.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/schedules/srdl_adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))
