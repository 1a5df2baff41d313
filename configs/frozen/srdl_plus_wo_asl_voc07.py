# Paper: none; SRDL+ with binary cross entropy in place of the asymmetric loss, on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_plus_wo_asl_voc07.py
_base_ = ["./srdl_plus_voc07.py"]

model = dict(head=dict(loss=dict(_delete_=True, type="mmsrdl.MultiLabelBCELoss")))
