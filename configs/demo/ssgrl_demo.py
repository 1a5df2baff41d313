# Paper: none; SSGRL on the built-in demo scenes, from scratch.
# Expected: docs/systems/ssgrl.md.
# Run: python tools/demo.py --systems ssgrl
_base_ = [
    "../_base_/systems/ssgrl.py",
    "../_base_/backbones/narrow_r18.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/demo_8e.py",
    "../_base_/demo_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        num_classes=14,
        # No word vectors: the demo downloads nothing, so label vectors are learned.
        embedder=dict(classes=_base_.classes, word_vectors=None, embed_dims=64),
        attention=dict(hidden_channels=32),
        avg_pool=1,  # 12 x 12 positions are few already
    ),
)

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"head": dict(lr_mult=0.5, decay_mult=0.0)}),
)
