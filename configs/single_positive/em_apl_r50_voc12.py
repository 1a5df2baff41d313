# Paper: EM + APL (Zhou et al., ECCV 2022), one positive label, PASCAL VOC 2012.
# Expected: mAP 89.19
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/em_apl_r50_voc12.py
_base_ = ["./an_r50_voc12.py", "../_base_/losses/em_apl_voc12.py"]

model = dict(head=dict(loss=dict(_delete_=True, **_base_.loss)))
