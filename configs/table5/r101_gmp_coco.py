# Paper: not in SRDL's tables: the baseline with global max pooling, as ML-GCN has it, MS-COCO 2014.
# Expected: mAP 81.9 (ML-GCN, with its own recipe)
# Not run at full scale by this project; the figure is ML-GCN's.
# Run: python tools/train.py configs/table5/r101_gmp_coco.py
_base_ = ["./r101_gap_coco.py"]

model = dict(neck=dict(_delete_=True, type="mmsrdl.GlobalMaxPooling"))
