# Paper: not in the paper: SRDL with the choices of its nearest relatives' code, MS-COCO 2014.
# Expected: unknown
# Not run at full scale by this project.
# Run: python tools/train.py configs/relatives/srdl_r101_coco_layer4.py --word-vectors glove.6B.300d.txt
#
# The relatives (SSGRL and its successors) train layer4 and the head alone, keep the
# statistics of the lower BN layers, and end the backbone with a 2 x 2 average pool
# (7 x 7 positions). The paper does not say whether SRDL does.
_base_ = ["../table5/srdl_r101_coco.py"]

model = dict(backbone=dict(frozen_stages=3), head=dict(avg_pool=2))
