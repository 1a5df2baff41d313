# Paper: SRDL, Table 6 (CAR w/o channel attention; spatial attention has weight 1), on frozen maps, MS-COCO 2014.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/car_wo_ca_coco.py
_base_ = ["./car_coco.py"]

model = dict(head=dict(attention=dict(use_channel=False)))
