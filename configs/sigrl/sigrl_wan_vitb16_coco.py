# Paper: SigRL (ICME 2025), one positive label, with weak assume negative (WAN), MS-COCO 2014.
# Expected: unknown; the paper's figures were not at hand. Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_wan_vitb16_coco.py
_base_ = ["./sigrl_em_vitb16_coco.py"]

# An assumed negative counts 1 / (C - 1).
loss = dict(type="mmsrdl.AssumeNegativeLoss", weight="wan")
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
