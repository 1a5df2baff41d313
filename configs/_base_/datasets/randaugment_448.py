# Augmentation of ASL, Query2Label and ML-Decoder: no crop and no flip, one hole of half a side, then
# two of fifteen operations, each with probability 0.5 and a strength drawn anew, as in the package
# `randaugment` that their public code takes. Departures: the hole has the mean colour of ImageNet,
# not a random one; strengths are drawn from the whole range, not from nine steps of it; the resize
# filter is the one that the test pipeline has, not the bilinear one.
mean_colour = [104, 116, 124]
randaugment_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmsrdl.TorchResize", scale=(448, 448), interpolation="bicubic"),
    dict(type="Cutout", shape=224, pad_val=mean_colour, prob=1.0),
    dict(
        type="RandAugment",
        policies=[
            dict(type="AutoContrast"),
            dict(type="Equalize"),
            dict(type="Invert"),
            dict(type="Rotate", magnitude_range=(0, 30)),
            dict(type="Posterize", magnitude_range=(8, 4)),
            dict(type="Solarize", magnitude_range=(256, 0)),
            dict(type="ColorTransform", magnitude_range=(0, 0.9)),
            dict(type="Contrast", magnitude_range=(0, 0.9)),
            dict(type="Brightness", magnitude_range=(0, 0.9)),
            dict(type="Sharpness", magnitude_range=(0, 0.9)),
            dict(type="Shear", magnitude_range=(0, 0.3), direction="horizontal"),
            dict(type="Shear", magnitude_range=(0, 0.3), direction="vertical"),
            dict(type="Translate", magnitude_range=(0, 0.45), direction="horizontal"),
            dict(type="Translate", magnitude_range=(0, 0.45), direction="vertical"),
            dict(type="Cutout", magnitude_range=(0, 20)),
        ],
        num_policies=2,
        magnitude_level=10,
        total_level=10,
        magnitude_std="inf",  # uniform in the range
        hparams=dict(pad_val=mean_colour, interpolation="bicubic"),
    ),
    dict(type="PackInputs"),
]
