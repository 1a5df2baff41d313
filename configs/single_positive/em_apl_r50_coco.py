# Paper: EM + APL (Zhou et al., ECCV 2022), one positive label, MS-COCO 2014.
# Expected: mAP 70.87
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/em_apl_r50_coco.py
_base_ = ["./an_r50_coco.py"]

loss = dict(
    type="mmsrdl.EMAPLLoss",
    num_images=65665,
    num_classes=80,
    alpha=0.1,
    beta=0.9,
    negative_share=0.9,
    warmup_epochs=5,
)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
