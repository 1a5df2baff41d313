# Images of one's own at 192 px, with the paper's augmentation scaled by 192 / 448.
_base_ = ["./own_448.py"]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(224, 224), interpolation="bicubic", backend="pillow"),
    dict(type="mmsrdl.MultiScaleCrop", sizes=(224, 192, 160, 136, 112)),
    dict(type="Resize", scale=(192, 192), interpolation="bicubic", backend="pillow"),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(192, 192), interpolation="bicubic", backend="pillow"),
    _base_.test_pipeline[-1],
]
train_dataloader = dict(batch_size=32, num_workers=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
