# Paper: SRDL, Table 5 (CAR + OE), on frozen maps, MS-COCO 2014.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_coco.py
_base_ = ["./car_coco.py"]

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))
