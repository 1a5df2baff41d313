# Paper: ROLE (Cole et al., CVPR 2021), one positive label, PASCAL VOC 2012.
# Expected: mAP 87.77 (Zhou et al., ECCV 2022)
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/single_positive/role_r50_voc12.py
_base_ = ["./an_r50_voc12.py"]

loss = dict(type="mmsrdl.ROLELoss", num_images=4574, num_classes=20, expected_positives=1.5)
model = dict(head=dict(loss=dict(_delete_=True, **loss)))
# The table of estimated labels learns ten times as fast as the network.
table = dict(lr_mult=10.0, decay_mult=0.0)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={"loss_module.table": table}))
