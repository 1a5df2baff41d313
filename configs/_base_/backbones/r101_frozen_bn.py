# ResNet-101 whose batch normalisation is fixed in statistics and affine parameters, and whose stem
# and first stage do not learn, as in Query2Label's public code.
_base_ = ["./r101.py"]

backbone = dict(frozen_stages=1, norm_eval=True, norm_cfg=dict(type="BN", requires_grad=False))
