# A ResNet-101 baseline: global pooling and one linear layer.
_base_ = ["./r101.py"]

model = dict(
    neck=dict(type="GlobalAveragePooling"),
    head=dict(
        type="MultiLabelLinearClsHead",
        in_channels=2048,
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="batchmean"),
        thr=0.5,
    ),
)
