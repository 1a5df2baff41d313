# Paper: weak assume negative (WAN; Cole et al., CVPR 2021), one positive label, MS-COCO 2014.
# Expected: mAP 67.59 (Zhou et al., ECCV 2022; from memory)
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/wan_r50_coco.py
_base_ = ["./an_r50_coco.py"]

# An assumed negative counts 1 / (C - 1).
model = dict(head=dict(loss=dict(weight="wan")))
