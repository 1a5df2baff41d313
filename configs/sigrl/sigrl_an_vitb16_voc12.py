# Paper: SigRL (ICME 2025), one positive label, with assume negative (AN), PASCAL VOC 2012.
# Expected: unknown; the paper's figures were not at hand. Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_an_vitb16_voc12.py
_base_ = ["./sigrl_em_vitb16_voc12.py"]

loss = dict(type="mmsrdl.AssumeNegativeLoss")
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
