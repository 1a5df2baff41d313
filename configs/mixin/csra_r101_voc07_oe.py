# Paper: none; MMPretrain's published CSRA config (mAP 94.98 without erasing) with object
# erasing mixed in by one line.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/csra_r101_voc07_oe.py
_base_ = ["mmpretrain::csra/resnet101-csra_1xb16_voc07-448px.py"]

default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook"))
