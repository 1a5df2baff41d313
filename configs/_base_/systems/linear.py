# The baseline: global average pooling and one linear layer.
model = dict(
    type="ImageClassifier",
    neck=dict(type="GlobalAveragePooling"),
    head=dict(
        type="MultiLabelLinearClsHead",
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="batchmean"),
        thr=0.5,
    ),
)
