# Augmentation of ASL, Query2Label and ML-Decoder: no crop and no flip, one hole of half a side,
# RandAugment. Departures from their public code: the hole has the mean colour of ImageNet, not a
# random one; RandAugment's operations and magnitudes are timm's, not those of the package
# `randaugment`; the resize filter is the one that the test pipeline has, not the bilinear one.
randaugment_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmsrdl.TorchResize", scale=(448, 448), interpolation="bicubic"),
    dict(type="Cutout", shape=224, pad_val=(104, 116, 124), prob=1.0),
    dict(
        type="RandAugment",
        policies="timm_increasing",
        num_policies=2,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(pad_val=[104, 116, 124], interpolation="bicubic"),
    ),
    dict(type="PackInputs"),
]
