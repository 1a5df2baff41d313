# Paper: SRDL, Tables 4 and 5 (line 3): CAR + OE, ResNet-101, 448 px, PASCAL VOC 2007.
# Expected: mAP 94.6
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/srdl_r101_voc07.py --word-vectors glove.6B.300d.txt
#
# A short way to table5/srdl_r101_voc07.py.
_base_ = ["table5/srdl_r101_voc07.py"]
