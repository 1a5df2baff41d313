# Paper: none; CSRA with the asymmetric loss (ASL), PASCAL VOC 2007.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/csra_asl_r101_voc07.py
_base_ = ["../csra/csra_r101_voc07.py"]

# CSRA's learning rates belong to a mean over classes, of which this loss is the sum.
loss = dict(type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=4.0, clip=0.05, loss_weight=1 / 20)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
