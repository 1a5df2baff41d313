# Paper: SRDL, Table 6 (CAR w/o GCN: word vectors guide the attention as they are), on frozen maps, MS-COCO 2014.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/car_wo_gcn_coco.py
_base_ = ["./car_coco.py"]

model = dict(head=dict(embedder=dict(num_layers=0)))
