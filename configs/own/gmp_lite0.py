# Paper: none; the global max pooling baseline of srdl_lite0.py, for images of one's own.
# Expected: depends on the images; docs/results.md has the same network on photographs of VOC.
# Run: mmsrdl train my_config.py, which inherits mmsrdl::own/gmp_lite0.py (`mmsrdl data init`)
_base_ = [
    "../_base_/models/lite0.py",
    "../_base_/datasets/own_192.py",
    "../_base_/schedules/light_adam_8e.py",
    "../_base_/default_runtime.py",
]

data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(
    neck=dict(type="mmsrdl.GlobalMaxPooling"),
    # The config that inherits gives num_classes.
    head=dict(
        type="MultiLabelLinearClsHead",
        in_channels=1280,
        loss=dict(type="mmsrdl.MultiLabelBCELoss"),
    ),
)
default_hooks = dict(logger=dict(interval=10))
