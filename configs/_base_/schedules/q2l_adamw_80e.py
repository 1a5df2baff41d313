# Query2Label's public code: AdamW, one learning rate of at most 1e-4 for backbone and head, weight
# decay 1e-2 on everything, one cycle over 80 epochs, of which the rate rises in a fifth; moving
# average of the weights with 0.9997; batch size 64; ended when nine epochs in a row brought nothing.
# It has mixed precision: --amp. Departures: Adam's first momentum does not cycle with the rate; the
# plain weights are not evaluated beside the averaged ones.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-2, fused=True),
)
param_scheduler = dict(
    type="OneCycleLR",
    eta_max=1e-4,
    pct_start=0.2,
    begin=0,
    end=80,
    by_epoch=True,
    convert_to_iter_based=True,
)
custom_hooks = [
    dict(type="EMAHook", momentum=3e-4),
    dict(type="EarlyStoppingHook", monitor="mlr/mAP", rule="greater", min_delta=0.0, patience=9),
]

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=80, val_interval=1)
val_cfg = dict()
test_cfg = dict()
