# Paper: none; global max pooling and one linear layer with the asymmetric loss on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/gmp_asl_voc07.py
_base_ = ["./asl_voc07.py"]

model = dict(neck=dict(type="mmsrdl.GlobalMaxPooling"))
