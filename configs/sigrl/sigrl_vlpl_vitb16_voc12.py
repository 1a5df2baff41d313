# Paper: SigRL (ICME 2025), one positive label, with VLPL, PASCAL VOC 2012.
# Expected: unknown; the paper's figures were not at hand. Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_vlpl_vitb16_voc12.py
_base_ = ["./sigrl_em_vitb16_voc12.py"]

loss = dict(
    type="mmsrdl.VLPLLoss",
    # Cosine similarities of the training images and the classes, see docs/sigrl_single_positive.md.
    scores="data/vlpl/voc12_train.npz",
    temperature=0.01,
    threshold=0.3,
    alpha=0.2,
    beta_pos=0.7,
    smoothing=0.1,
)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
