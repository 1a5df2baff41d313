# Paper: SRDL, Table 6 (line 4): CAR w/o GCN: word vectors guide the attention as they are, PASCAL VOC 2007.
# Expected: mAP 92.0
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/table6/car_wo_gcn_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = ["../table5/car_r101_voc07.py"]

model = dict(head=dict(embedder=dict(num_layers=0)))
