# SSGRL's public code: Adam without weight decay, learning rate 1e-5, batches of 4. The code has a
# constant rate for up to 200 epochs; the length and the step are those of the same laboratory's
# later recipe (srdl_adam_20e.py).
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="Adam", lr=1e-5, betas=(0.9, 0.999), weight_decay=0.0, fused=True),
)
param_scheduler = dict(type="StepLR", by_epoch=True, step_size=10, gamma=0.1)

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=20, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# Used by --auto-scale-lr: the learning rate is meant for 4 images a step.
auto_scale_lr = dict(base_batch_size=4, enable=False)
