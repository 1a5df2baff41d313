# Paper: entropy maximisation (EM; Zhou et al., ECCV 2022), one positive label, MS-COCO 2014.
# Expected: mAP 70.70
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/em_r50_coco.py
_base_ = ["./an_r50_coco.py"]

loss = dict(type="mmsrdl.EntropyMaximizationLoss", alpha=0.1)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
