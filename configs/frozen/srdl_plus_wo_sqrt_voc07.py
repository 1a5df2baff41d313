# Paper: none; SRDL+ without the square root, on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_plus_wo_sqrt_voc07.py
_base_ = ["./srdl_plus_voc07.py"]

model = dict(head=dict(attention=dict(signed_sqrt=False)))
