# The training images of ASL, Query2Label and ML-Decoder, as their released code makes them: resized
# to 448 x 448 without a crop or a flip, a square of half the side cut out (grey; theirs is of a
# random colour), then two of fifteen operations, each with probability 0.5 and a random strength.
recipe_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(448, 448), interpolation="bilinear", backend="pillow"),
    dict(type="Cutout", shape=224, pad_val=128, prob=1.0),
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
        # Uniform between the ends of each range.
        magnitude_level=10,
        total_level=10,
        magnitude_std="inf",
    ),
    dict(type="PackInputs"),
]
