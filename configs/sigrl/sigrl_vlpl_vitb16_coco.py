# Paper: SigRL (ICME 2025), one positive label, with VLPL, MS-COCO 2014.
# Expected: unknown; the paper's figures were not at hand. Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_vlpl_vitb16_coco.py
_base_ = ["./sigrl_em_vitb16_coco.py"]

loss = dict(
    type="mmsrdl.VLPLLoss",
    # Cosine similarities of the training images and the classes, see docs/sigrl_single_positive.md.
    scores="data/vlpl/coco_train.npz",
    temperature=0.01,
    threshold=0.3,
    alpha=0.1,
    beta_pos=0.7,
    smoothing=0.1,
)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
