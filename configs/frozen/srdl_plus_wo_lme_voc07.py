# Paper: none; SRDL+ with the mean of the scores in place of their log-mean-exp, on frozen maps, PASCAL VOC 2007.
# Expected: no published figure; the backbone does not learn, see docs/frozen.md.
# Run: python -m experiments.frozen run --configs configs/frozen/srdl_plus_wo_lme_voc07.py
_base_ = ["./srdl_plus_voc07.py"]

model = dict(head=dict(attention=dict(temperature=0)))
