# A small network on the built-in demo scenes, fine-tuned in one process: what trains from scratch
# needs five times the epochs.
_base_ = [
    "../../configs/_base_/backbones/narrow_r18.py",
    "../../configs/_base_/datasets/demo.py",
    "../../configs/_base_/schedules/demo_8e.py",
    "../../configs/_base_/demo_runtime.py",
]

train_dataloader = dict(num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)

train_cfg = dict(max_epochs=4, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.04, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        T_max=3,
        eta_min_ratio=0.001,
        begin=1,
        end=4,
        convert_to_iter_based=True,
    ),
]

default_hooks = dict(logger=dict(interval=1000), checkpoint=None)
visualizer = dict(vis_backends=None)
