# SRDL, Sec. 4.2: Adam, momentums 0.9 and 0.999, weight decay 5e-4 (Adam's own, so
# coupled: not AdamW), learning rate 1e-5, divided by 10 every 10 epochs, 20 epochs,
# batch size 16.
optim_wrapper = dict(
    type="OptimWrapper",
    # fused: one pass over the parameters, several times faster, also on a CPU.
    optimizer=dict(type="Adam", lr=1e-5, betas=(0.9, 0.999), weight_decay=5e-4, fused=True),
)
param_scheduler = dict(type="StepLR", by_epoch=True, step_size=10, gamma=0.1)

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=20, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# Used by --auto-scale-lr: the learning rate is meant for 16 images a step.
auto_scale_lr = dict(base_batch_size=16, enable=False)
