# Paper: none; the CAR head in MMPretrain's published CSRA config, whose data, schedule and
# metrics stay as they are.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/csra_r101_voc07_car.py --word-vectors glove.6B.300d.txt
_base_ = ["mmpretrain::csra/resnet101-csra_1xb16_voc07-448px.py"]

model = dict(
    head=dict(
        _delete_=True,
        type="mmsrdl.CARHead",
        num_classes=20,
        in_channels=2048,
        embedder=dict(
            type="mmsrdl.GCNLabelEmbedder",
            classes="voc",
            word_vectors="data/glove/glove.6B.300d.txt",
        ),
    )
)
