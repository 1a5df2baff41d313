# MCAR's public code: the whole image resized to 448 x 448, a flip, and brightness, contrast and
# saturation by up to 30 %.
recipe_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmsrdl.TorchResize", scale=(448, 448), interpolation="bilinear"),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="ColorJitter", brightness=0.3, contrast=0.3, saturation=0.3),
    dict(type="PackInputs"),
]
