# Paper: none; SRDL on EfficientNet-Lite0 at 192 px, for images of one's own on small machines.
# Expected: depends on the images; docs/results.md has the same network on photographs of VOC.
# Run: mmsrdl train my_config.py, which inherits mmsrdl::own/srdl_lite0.py (`mmsrdl data init`)
_base_ = ["./gmp_lite0.py"]

model = dict(
    neck=None,
    # The config that inherits gives num_classes and embedder.classes.
    head=dict(
        _delete_=True,
        type="mmsrdl.CARHead",
        in_channels=1280,
        # Without word_vectors the label vectors are learned.
        embedder=dict(type="mmsrdl.GCNLabelEmbedder"),
    ),
)

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))
