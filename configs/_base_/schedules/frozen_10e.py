# For heads on frozen maps, the same budget for each: 10 epochs, evaluated once, after the last one.
# The learning rate is what `python -m experiments.frozen run` searches.
optim_wrapper = dict(
    type="OptimWrapper",
    # Without weight decay, which Adam couples with the gradient, the scale of a system's loss is of
    # no account.
    optimizer=dict(type="Adam", lr=3e-4, betas=(0.9, 0.999), fused=True),
)
param_scheduler = dict(
    type="CosineAnnealingLR", by_epoch=True, eta_min_ratio=0.01, convert_to_iter_based=True
)

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=10, val_interval=10)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=32, enable=False)
