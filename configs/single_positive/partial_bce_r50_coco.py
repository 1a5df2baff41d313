# Paper: partial BCE (Durand et al., CVPR 2019), one positive label, MS-COCO 2014.
# Expected: little: no label says what is not there. For labels of both kinds see configs/partial_labels
# Not run at full scale by this project; no figure is published.
# Run: python tools/train.py configs/single_positive/partial_bce_r50_coco.py
_base_ = ["./an_r50_coco.py"]

loss = dict(type="mmsrdl.PartialBCELoss")
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
