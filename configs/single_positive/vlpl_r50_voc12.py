# Paper: VLPL (Xing et al., WACV 2024), one positive label, PASCAL VOC 2012.
# Expected: unknown: it depends on whose scores make the pseudo-labels
# Not run at full scale by this project; the scores are yours to make, see docs/scarce_labels.md.
# Run: python tools/train.py configs/single_positive/vlpl_r50_voc12.py
_base_ = ["./an_r50_voc12.py"]

loss = dict(
    type="mmsrdl.VLPLLoss",
    # Cosine similarities of the training images and the classes; of probabilities, temperature=None.
    scores="data/vlpl/voc12_train.npz",
    temperature=0.01,
    threshold=0.3,
    alpha=0.2,
    beta_pos=0.7,
    smoothing=0.1,
)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
