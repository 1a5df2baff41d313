# Paper: SRDL, Tables 1, 2 and 5 (line 3): CAR + OE, ResNet-101, 448 px, MS-COCO 2014.
# Expected: mAP 82.9, CF1 77.4, OF1 80.5
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/srdl_r101_coco.py --word-vectors glove.6B.300d.txt
#
# A short way to table5/srdl_r101_coco.py.
_base_ = ["table5/srdl_r101_coco.py"]
