# The public code of ASL and ML-Decoder: Adam, one learning rate of at most 1e-4 for backbone and
# head, weight decay 1e-4 (Adam's own, so coupled: not AdamW) on all but biases and other parameters
# of one axis, one cycle over 40 epochs, of which the rate rises in a fifth; moving average of the
# weights and of BN's statistics with 0.9997. It has mixed precision: --amp. Departures: Adam's
# first momentum does not cycle with the rate; the plain weights are not evaluated beside the
# averaged ones.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, flat_decay_mult=0.0),
)
# eta_max is the rate of every parameter, whatever lr, lr_mult and --auto-scale-lr say.
param_scheduler = dict(
    type="OneCycleLR",
    eta_max=1e-4,
    pct_start=0.2,
    begin=0,
    end=40,
    by_epoch=True,
    convert_to_iter_based=True,
)
custom_hooks = [dict(type="EMAHook", momentum=3e-4, update_buffers=True)]

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=40, val_interval=1)
val_cfg = dict()
test_cfg = dict()
