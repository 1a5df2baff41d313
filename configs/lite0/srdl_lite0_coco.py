# Paper: none; SRDL on EfficientNet-Lite0 at 192 px, MS-COCO 2014, for small machines.
# Expected: docs/results.md has what was measured on a subset.
# Run: python tools/train.py configs/lite0/srdl_lite0_coco.py --word-vectors glove.6B.300d.txt
_base_ = ["./car_lite0_coco.py"]

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))
