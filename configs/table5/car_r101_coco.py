# Paper: SRDL, Table 5 (line 2) and Table 6 (line 7): CAR without OE, MS-COCO 2014.
# Expected: mAP 80.3
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/table5/car_r101_coco.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/models/srdl_r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/schedules/srdl_adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(head=dict(num_classes=80, embedder=dict(classes="coco")))
