# ML-GCN's public code: SGD, momentum 0.9, weight decay 1e-4, learning rate 0.1 and a tenth of it
# for the backbone, 20 epochs, batch size 16, and gradients clipped at a norm of 10, on which
# training hangs. The code divides the learning rate by 10 at epoch 30, which is never; the paper
# has 0.01, divided by 10 every 40 of 100 epochs.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={"backbone": dict(lr_mult=0.1)}),
    clip_grad=dict(max_norm=10),
)
param_scheduler = None

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=20, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# Used by --auto-scale-lr: the learning rate is meant for 16 images a step.
auto_scale_lr = dict(base_batch_size=16, enable=False)
