# The asymmetric loss (ASL) over the linear baseline: MMPretrain's loss with the paper's values. It
# lets the gradient flow through the focusing weight, which the released code stops.
_base_ = ["./linear.py"]

model = dict(
    head=dict(
        loss=dict(_delete_=True, type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=4.0, clip=0.05)
    )
)
