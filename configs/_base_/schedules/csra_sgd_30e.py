# CSRA's released code: SGD, the classifier's learning rate ten times the backbone's, two epochs of
# linear warm-up, divided by 10 every 4 epochs (VOC07) or 5 (COCO).
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={"head": dict(lr_mult=10)}),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-4, by_epoch=True, end=2, convert_to_iter_based=True),
    dict(type="StepLR", by_epoch=True, step_size=4, gamma=0.1),
]

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=30, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=16, enable=False)
