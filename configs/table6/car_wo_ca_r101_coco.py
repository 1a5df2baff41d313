# Paper: SRDL, Table 6 (line 5): CAR w/o channel attention; spatial attention has weight 1, MS-COCO 2014.
# Expected: mAP 79.7
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/table6/car_wo_ca_r101_coco.py --word-vectors glove.6B.300d.txt
_base_ = ["../table5/car_r101_coco.py"]

model = dict(head=dict(attention=dict(use_channel=False)))
