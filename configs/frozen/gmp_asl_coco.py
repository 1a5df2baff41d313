# Paper: none; global max pooling and one linear layer with the asymmetric loss on frozen maps, MS-COCO 2014.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/gmp_asl_coco.py
_base_ = ["./asl_coco.py"]

model = dict(neck=dict(type="mmsrdl.GlobalMaxPooling"))
