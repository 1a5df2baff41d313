# Paper: SigRL (ICME 2025), one positive label, with EM + APL, PASCAL VOC 2012.
# Expected: unknown; the paper's figures were not at hand. Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_em_apl_vitb16_voc12.py
_base_ = ["./sigrl_em_vitb16_voc12.py"]

loss = dict(
    type="mmsrdl.EMAPLLoss",
    num_images=4574,
    num_classes=20,
    alpha=0.2,
    beta=0.02,
    negative_share=0.9,
    warmup_epochs=5,
)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
