# Paper: none; SRDL on EfficientNet-Lite0 at 192 px, PASCAL VOC 2007, for small machines.
# Expected: docs/results.md has what was measured on a subset.
# Run: python tools/train.py configs/lite0/srdl_lite0_voc07.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/models/lite0.py",
    "../_base_/datasets/voc07_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(
    head=dict(
        type="mmsrdl.CARHead",
        num_classes=20,
        in_channels=1280,
        embedder=dict(
            type="mmsrdl.GCNLabelEmbedder",
            classes="voc",
            word_vectors="data/glove/glove.6B.300d.txt",
        ),
    ),
)

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))
