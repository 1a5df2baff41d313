# Paper: SRDL, Table 6 (line 6): CAR w/o spatial attention; channel attention has weight 1, MS-COCO 2014.
# Expected: mAP 79.3 (the paper's text says 78.9)
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/table6/car_wo_sa_r101_coco.py --word-vectors glove.6B.300d.txt
_base_ = ["../table5/car_r101_coco.py"]

model = dict(head=dict(attention=dict(use_spatial=False)))
