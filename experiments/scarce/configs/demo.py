# Global max pooling and one linear layer, end to end, on the built-in demo scenes of 64 px.
_base_ = ["../../../configs/demo/gmp_demo.py"]

train_dataloader = dict(batch_size=16, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)

# Fine-tuning from the network of configs/other_scenes.py: what trains from scratch needs five times
# the epochs.
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

default_hooks = dict(logger=dict(interval=1000))
visualizer = dict(vis_backends=None)
