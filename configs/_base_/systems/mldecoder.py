# ML-Decoder: one decoder layer without self-attention, fixed random queries of at most 100 groups
# of classes, so one for every class of COCO and VOC.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.ClassFeatureHead",
        attention=dict(type="mmsrdl.GroupDecoder", num_groups=100),
        classifier=dict(type="mmsrdl.GroupClassifier"),
        # As released, but that there no gradient flows through the focusing weight, and the loss
        # sums over the images.
        loss=dict(type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=4.0, clip=0.05, eps=1e-8),
        thr=0.5,
    ),
)
