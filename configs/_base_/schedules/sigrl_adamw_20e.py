# SigRL's public code, which is MKT's but for learning rate and batch size: AdamW, 1e-4, to a thousandth by
# half a cosine over 20 epochs, the first two of which warm up; weight decay 0.05 on all but vectors;
# block i learns 0.65^(12 - i) as fast as the head, i = 10 and 11. A later version of that code has 60
# epochs. Departure: warm-up begins at a millionth, not at 0.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
    constructor="LearningRateDecayOptimWrapperConstructor",
    paramwise_cfg=dict(
        layer_decay_rate=0.65, flat_decay_mult=0.0, norm_decay_mult=0.0, bias_decay_mult=0.0
    ),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-6, begin=0, end=2, convert_to_iter_based=True),
    # A ratio, as the blocks have learning rates of their own.
    dict(
        type="CosineAnnealingLR",
        eta_min_ratio=1e-3,
        begin=2,
        end=20,
        T_max=18,
        convert_to_iter_based=True,
    ),
]

# One test of 107,859 images, after the last epoch.
train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=20, val_interval=20)
val_cfg = dict()
test_cfg = dict()
