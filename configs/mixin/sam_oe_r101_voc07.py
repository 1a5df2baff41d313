# Paper: none; the semantic attention module of ADD-GCN with SRDL's object erasing mixed in by one line, PASCAL VOC 2007.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/sam_oe_r101_voc07.py
_base_ = ["../addgcn/sam_r101_voc07.py"]

default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook"))
