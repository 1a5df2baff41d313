# The literature on single positive labels: the whole image resized to 448 x 448, and in training a
# flip.
_base_ = ["./loaders_448.py"]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmsrdl.TorchResize", scale=(448, 448), interpolation="bilinear"),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(448, 448), interpolation="bilinear", backend="pillow"),
    _base_.test_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
