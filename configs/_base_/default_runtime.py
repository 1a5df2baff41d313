# The runtime that all configs of mmsrdl share.
default_scope = "mmpretrain"

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=100),
    param_scheduler=dict(type="ParamSchedulerHook"),
    # Writes whole files, and removes the outdated one afterwards.
    checkpoint=dict(
        type="mmsrdl.SafeCheckpointHook",
        interval=1,
        max_keep_ckpts=2,
        save_best="mlr/mAP",
        rule="greater",
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    # Convolutions are faster in this memory format, on CPUs (1.4 times) and on tensor cores, and
    # the head reads its features without a copy.
    channels_last=dict(type="mmsrdl.ChannelsLastHook"),
    # BN statistics are kept per process; without this a validation on several processes
    # differs from the same checkpoint's on one.
    sync_buffers=dict(type="mmsrdl.SyncBuffersHook"),
    # Dropout and the like by (seed, iteration, rank), so that a resumed run repeats them.
    iteration_seed=dict(type="mmsrdl.IterationSeedHook"),
    # SIGTERM and SIGUSR1 save and leave with the code 75; NaN saves what was before it and ends.
    stop_signal=dict(type="mmsrdl.StopSignalHook"),
    non_finite_guard=dict(type="mmsrdl.NonFiniteGuardHook"),
    # What goes wrong quietly elsewhere is an error here.
    unknown_labels=dict(type="mmsrdl.UnknownLabelGuardHook"),
    data_guard=dict(type="mmsrdl.DataGuardHook"),
    checkpoint_guard=dict(type="mmsrdl.CheckpointGuardHook"),
    # Label graphs made of co-occurrence get the training set's; other models need none.
    cooccurrence=dict(type="mmsrdl.CooccurrenceHook"),
    # Losses with a state of the training images (ROLE, EM + APL, VLPL) get them told.
    label_state=dict(type="mmsrdl.LabelStateHook"),
    visualization=dict(type="VisualizationHook", enable=False),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    # Seconds after which a process that waits in vain for another one ends.
    dist_cfg=dict(backend="nccl", timeout=600),
)

vis_backends = [dict(type="LocalVisBackend")]
visualizer = dict(type="UniversalVisualizer", vis_backends=vis_backends)

log_level = "INFO"
load_from = None
resume = False
randomness = dict(seed=0, deterministic=False)

val_evaluator = dict(type="mmsrdl.MultiLabelMetric")
test_evaluator = val_evaluator
