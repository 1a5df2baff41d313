# SRDL+, which is ours (docs/srdl_plus.md): a score of every class at every position of the normalised
# map, their log-mean-exp in the place of CAR's attended maximum, and an asymmetric loss.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.ClassFeatureHead",
        attention=dict(type="mmsrdl.EvidencePooling", hidden_channels=512, temperature=1.0),
        classifier=dict(type="mmsrdl.IdentityClassifier"),
        # gamma_neg of Query2Label, half of ASL's.
        loss=dict(type="mmsrdl.MultiLabelASLLoss", gamma_neg=2.0, gamma_pos=0.0, clip=0.05),
        thr=0.5,
    ),
)
