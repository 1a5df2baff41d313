# Paper: SRDL, Table 6 (CAR w/o GCN: word vectors guide the attention as they are), on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/car_wo_gcn_voc07.py
_base_ = ["./car_voc07.py"]

model = dict(head=dict(embedder=dict(num_layers=0)))
