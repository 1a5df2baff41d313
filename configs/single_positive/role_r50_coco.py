# Paper: ROLE (Cole et al., CVPR 2021), one positive label, MS-COCO 2014.
# Expected: mAP 67.04 (Zhou et al., ECCV 2022)
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/role_r50_coco.py
_base_ = ["./an_r50_coco.py"]

loss = dict(type="mmsrdl.ROLELoss", num_images=65665, num_classes=80, expected_positives=2.5)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
# The table of estimated labels learns ten times as fast as the network.
table = dict(lr_mult=10.0, decay_mult=0.0)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={"loss_module.table": table}))
