# Paper: none; the semantic decoupling of SSGRL with SRDL's object erasing mixed in by one line, PASCAL VOC 2007.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/sd_oe_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = ["../ssgrl/sd_r101_voc07.py"]

default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook"))
