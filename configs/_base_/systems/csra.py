# CSRA: MMPretrain's head. The released code takes the mean over images and classes, to which its
# learning rates belong; MMPretrain's own config sums over classes, with smaller ones.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="CSRAClsHead",
        num_heads=1,
        lam=0.1,
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="mean"),
        thr=0.5,
    ),
)
