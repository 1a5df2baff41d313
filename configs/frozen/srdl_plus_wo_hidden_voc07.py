# Paper: none; SRDL+ with scores linear in the normalised map, on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_plus_wo_hidden_voc07.py
_base_ = ["./srdl_plus_voc07.py"]

model = dict(head=dict(attention=dict(hidden_channels=None)))
