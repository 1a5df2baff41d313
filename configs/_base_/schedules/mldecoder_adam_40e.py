# ML-Decoder's public code: Adam, one learning rate of at most 1e-4 for backbone and head, weight
# decay 1e-4 (Adam's own, so coupled: not AdamW) on all but biases and other parameters of one axis,
# one cycle over 40 epochs, of which the rate rises in a fifth; moving average of the weights with
# 0.9997; batch size 56. It has mixed precision: --amp. Departures: Adam's first momentum does not
# cycle with the rate; the plain weights are not evaluated beside the averaged ones.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, flat_decay_mult=0.0),
)
param_scheduler = dict(
    type="OneCycleLR",
    eta_max=1e-4,
    pct_start=0.2,
    begin=0,
    end=40,
    by_epoch=True,
    convert_to_iter_based=True,
)
custom_hooks = [dict(type="EMAHook", momentum=3e-4)]

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=40, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# Used by --auto-scale-lr: the learning rate is meant for 56 images a step.
auto_scale_lr = dict(base_batch_size=56, enable=False)
