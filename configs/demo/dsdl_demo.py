# Paper: none; DSDL on the built-in demo scenes, from scratch.
# Expected: docs/results.md.
# Run: python tools/demo.py --systems dsdl
_base_ = [
    "../_base_/systems/dsdl.py",
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
        # No word vectors: the demo downloads nothing, so label vectors are random.
        embedder=dict(
            classes=_base_.classes,
            word_vectors=None,
            embed_dims=64,
            hidden_dims=64,
            out_dims=_base_.in_channels,
        ),
    ),
)
