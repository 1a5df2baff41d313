# ADD-GCN's public code: SGD, learning rate 0.05 for what is new and a tenth of it for the backbone,
# divided by 10 after 30 and 40 of 50 epochs, gradients clipped to norm 10.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.05, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={"backbone": dict(lr_mult=0.1)}),
    clip_grad=dict(max_norm=10),
)
param_scheduler = dict(type="MultiStepLR", by_epoch=True, milestones=[30, 40], gamma=0.1)

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=50, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# Used by --auto-scale-lr: the authors' runs had 32 to 36 images a step.
auto_scale_lr = dict(base_batch_size=32, enable=False)
