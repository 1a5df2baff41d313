# Paper: not in SRDL's tables: the baseline with global max pooling, as ML-GCN has it, PASCAL VOC 2007.
# Expected: mAP 93.0 (ML-GCN, with its own recipe)
# Not run at full scale by this project; the figure is ML-GCN's.
# Run: python tools/train.py configs/table5/r101_gmp_voc07.py
_base_ = ["./r101_gap_voc07.py"]

model = dict(neck=dict(_delete_=True, type="mmsrdl.GlobalMaxPooling"))
