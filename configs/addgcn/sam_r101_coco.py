# Paper: SRDL, Table 6 (line 3): the semantic attention module of ADD-GCN in SRDL's recipe, MS-COCO 2014.
# Expected: mAP 79.9
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/addgcn/sam_r101_coco.py
_base_ = [
    "../_base_/systems/sam.py",
    "../_base_/backbones/r101.py",
    "../_base_/datasets/coco14_448.py",
    "../_base_/schedules/srdl_adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=80))
