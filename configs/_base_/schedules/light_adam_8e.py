# A short schedule for light backbones: the paper's optimiser with larger learning rates,
# the head's three times the backbone's because it starts from nothing.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="Adam", lr=3e-4, betas=(0.9, 0.999), weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={"backbone": dict(lr_mult=1 / 3)}),
)
# Without T_max it ends with the last epoch, however many there are.
param_scheduler = dict(
    type="CosineAnnealingLR", by_epoch=True, eta_min_ratio=0.01, convert_to_iter_based=True
)

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=8, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=32, enable=False)
