# Paper: none; the global max pooling baseline of srdl_lite0_coco.py, MS-COCO 2014.
# Expected: docs/results.md has what was measured on a subset.
# Run: python tools/train.py configs/lite0/gmp_lite0_coco.py
_base_ = [
    "../_base_/models/lite0.py",
    "../_base_/datasets/coco14_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(
    neck=dict(type="mmsrdl.GlobalMaxPooling"),
    head=dict(
        type="MultiLabelLinearClsHead",
        num_classes=80,
        in_channels=1280,
        loss=dict(type="mmsrdl.MultiLabelBCELoss"),
    ),
)
