# CSRA's released code: a part of 0.7 to 1 of the image, resized to 448 x 448, and a flip.
recipe_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(
        type="RandomResizedCrop",
        scale=448,
        crop_ratio_range=(0.7, 1.0),
        backend="pillow",
        interpolation="bilinear",
    ),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
