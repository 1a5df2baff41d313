# Paper: none; ASL's config with global max pooling in place of the average, PASCAL VOC 2007.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/gmp_asl_r101_voc07.py
_base_ = ["../asl/asl_r101_voc07.py"]

model = dict(neck=dict(type="mmsrdl.GlobalMaxPooling"))
