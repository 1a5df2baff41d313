# Paper: SRDL, Table 6 (CAR w/o channel attention; spatial attention has weight 1), on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/car_wo_ca_voc07.py
_base_ = ["./car_voc07.py"]

model = dict(head=dict(attention=dict(use_channel=False)))
