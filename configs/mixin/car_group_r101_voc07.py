# Paper: none; SRDL with the classifier of ML-Decoder, one group a class, PASCAL VOC 2007.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/car_group_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = ["../table5/srdl_r101_voc07.py"]

model = dict(head=dict(classifier=dict(_delete_=True, type="mmsrdl.GroupClassifier")))
