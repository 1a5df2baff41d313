# ASL's and ML-Decoder's released code: Adam with weight decay on matrices and kernels alone, one
# cycle of the learning rate an iteration, and an average of the weights, which is what is
# evaluated. Their mixed precision is --amp here.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, flat_decay_mult=0.0),
)
# Its rate is the one for all parameters: MMEngine's cycle knows neither lr_mult nor --auto-scale-lr.
param_scheduler = dict(
    type="OneCycleLR",
    eta_max=1e-4,
    total_steps=40,
    pct_start=0.2,
    by_epoch=True,
    convert_to_iter_based=True,
)
custom_hooks = [dict(type="EMAHook", momentum=3e-4, update_buffers=True)]

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=40, val_interval=1)
val_cfg = dict()
test_cfg = dict()
