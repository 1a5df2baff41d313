# Paper: none; SRDL without object erasing (CAR) on EfficientNet-Lite0 at 192 px, PASCAL VOC 2007, for small machines.
# Expected: docs/results.md has what was measured on a subset.
# Run: python tools/train.py configs/lite0/car_lite0_voc07.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/systems/car.py",
    "../_base_/backbones/lite0.py",
    "../_base_/datasets/voc07_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=_base_.in_channels, num_classes=20, embedder=dict(classes="voc")),
)
