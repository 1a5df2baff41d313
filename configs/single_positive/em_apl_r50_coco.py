# Paper: EM + APL (Zhou et al., ECCV 2022), one positive label, MS-COCO 2014.
# Expected: mAP 70.87
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/em_apl_r50_coco.py
_base_ = ["./an_r50_coco.py", "../_base_/losses/em_apl_coco.py"]

model = dict(head=dict(loss=dict(_delete_=True, **_base_.loss)))
