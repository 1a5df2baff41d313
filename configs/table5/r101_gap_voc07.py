# Paper: SRDL, Tables 5 and 6 (line 1): the baseline, global average pooling, PASCAL VOC 2007.
# Expected: mAP 91.8
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/table5/r101_gap_voc07.py
_base_ = [
    "../_base_/models/r101_linear.py",
    "../_base_/datasets/voc07_448.py",
    "../_base_/schedules/srdl_adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(head=dict(num_classes=20))
