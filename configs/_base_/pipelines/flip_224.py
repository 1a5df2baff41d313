# The whole image resized to 224 x 224, and in training a flip. Departure: SigRL's public code resizes to
# 448 x 448, and the normalised result to 224 x 224.
flip_224 = [
    dict(type="LoadImageFromFile"),
    dict(type="mmsrdl.TorchResize", scale=(224, 224), interpolation="bilinear"),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
whole_224 = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(224, 224), interpolation="bilinear", backend="pillow"),
]
