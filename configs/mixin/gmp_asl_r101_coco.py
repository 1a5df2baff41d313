# Paper: none; ASL's config with global max pooling in place of the average, MS-COCO 2014.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/gmp_asl_r101_coco.py
_base_ = ["../asl/asl_r101_coco.py"]

model = dict(neck=dict(type="mmsrdl.GlobalMaxPooling"))
