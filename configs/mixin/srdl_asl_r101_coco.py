# Paper: none; SRDL with the asymmetric loss (ASL), MS-COCO 2014.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/srdl_asl_r101_coco.py --word-vectors glove.6B.300d.txt
_base_ = ["../table5/srdl_r101_coco.py"]

loss = dict(type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=4.0, clip=0.05)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
