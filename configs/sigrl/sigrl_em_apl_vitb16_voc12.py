# Paper: SigRL (ICME 2025), one positive label, with EM + APL, PASCAL VOC 2012.
# Expected: unknown; the paper's figures were not at hand. Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_em_apl_vitb16_voc12.py
_base_ = ["./sigrl_em_vitb16_voc12.py", "../_base_/losses/em_apl_voc12.py"]

model = dict(head=dict(loss=dict(_delete_=True, **_base_.loss)))
