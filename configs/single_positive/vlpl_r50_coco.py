# Paper: VLPL (Xing et al., WACV 2024), one positive label, MS-COCO 2014.
# Expected: unknown: it depends on whose scores make the pseudo-labels
# Not run at full scale by this project; the scores are yours to make, see docs/scarce_labels.md.
# Run: python tools/train.py configs/single_positive/vlpl_r50_coco.py
_base_ = ["./an_r50_coco.py", "../_base_/losses/vlpl_coco.py"]

model = dict(head=dict(loss=dict(_delete_=True, **_base_.loss)))
train_dataloader = dict(batch_size=8)
auto_scale_lr = dict(base_batch_size=8)
