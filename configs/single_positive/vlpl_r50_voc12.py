# Paper: VLPL (Xing et al., 2023), one positive label, PASCAL VOC 2012.
# Expected: unknown: it depends on whose scores make the pseudo-labels
# Not run at full scale by this project; the scores are yours to make, see docs/scarce_labels.md.
# Run: python tools/train.py configs/single_positive/vlpl_r50_voc12.py
_base_ = ["./an_r50_voc12.py"]

loss = dict(
    num_images=4574,
    num_classes=20,
    scores="data/vlpl/voc12_train.npz",
    threshold=0.3,
    type="mmsrdl.VLPLLoss",
    alpha=0.2,
    beta=0.7,
    smoothing=0.1,
)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
