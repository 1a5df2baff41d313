# Paper: none; SRDL (CAR + OE) on the built-in demo scenes, from scratch.
# Expected: docs/results.md.
# Run: make demo
_base_ = ["./gmp_demo.py"]

model = dict(
    neck=None,
    head=dict(
        _delete_=True,
        type="mmsrdl.CARHead",
        num_classes=14,
        in_channels=64,
        # No word vectors: the demo downloads nothing, so label vectors are learned.
        embedder=dict(type="mmsrdl.GCNLabelEmbedder", classes={{_base_.classes}}, embed_dims=64),
        attention=dict(hidden_channels=32),
    ),
)

default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"head": dict(lr_mult=0.5, decay_mult=0.0)}),
)
