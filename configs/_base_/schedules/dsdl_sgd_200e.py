# DSDL, as in its public code: SGD, momentum 0.9, weight decay 1e-4, learning rate 0.01 and for the
# backbone a tenth of it, divided by 10 after epoch 40 alone, gradients clipped at norm 10, batch size
# 32. 200 epochs are given; after how many of them the published models were taken is not known.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={"backbone": dict(lr_mult=0.1)}),
    clip_grad=dict(max_norm=10),
)
param_scheduler = dict(type="MultiStepLR", by_epoch=True, milestones=[40], gamma=0.1)

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=200, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# Used by --auto-scale-lr: the learning rate is meant for 32 images a step.
auto_scale_lr = dict(base_batch_size=32, enable=False)
