# Paper: SRDL, Table 5 (line 2) and Table 6 (line 7): CAR without OE, PASCAL VOC 2007.
# Expected: mAP 92.4
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/table5/car_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = ["../srdl_r101_voc07.py"]

default_hooks = dict(oe=None)
