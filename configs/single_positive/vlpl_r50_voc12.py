# Paper: VLPL (Xing et al., WACV 2024), one positive label, PASCAL VOC 2012.
# Expected: unknown: it depends on whose scores make the pseudo-labels
# Not run at full scale by this project; the scores are yours to make, see docs/scarce_labels.md.
# Run: python tools/train.py configs/single_positive/vlpl_r50_voc12.py
_base_ = ["./an_r50_voc12.py", "../_base_/losses/vlpl_voc12.py"]

model = dict(head=dict(loss=dict(_delete_=True, **_base_.loss)))
