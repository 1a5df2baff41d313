# Paper: SRDL, Table 5 (CAR + OE), on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_voc07.py
_base_ = ["./car_voc07.py"]

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))
