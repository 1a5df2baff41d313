# Paper: none; SRDL (CAR + OE) with the asymmetric loss (ASL) on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_asl_voc07.py
_base_ = ["./srdl_voc07.py"]

loss = dict(type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=4.0, clip=0.05)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
