# Paper: none; SRDL+ with SRDL's object erasing, on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_plus_oe_voc07.py
_base_ = ["./srdl_plus_voc07.py"]

# Object erasing as published; an erased position is left out of the pool.
default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))
