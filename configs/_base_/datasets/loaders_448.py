# SRDL, Sec. 4.2. Training: resize to 512 x 512, crop a square whose side is drawn from
# {512, 448, 384, 320, 256}, resize it to 448 x 448, flip. Inference: resize to 448 x 448.
# The bicubic filter is Pillow's, which the relatives' code uses: Pillow's own where figures are
# measured; in training, where resizing is most of a worker's time, PyTorch's form of it, which
# differs by rounding alone (see TorchResize).
data_preprocessor = dict(
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmsrdl.TorchResize", scale=(512, 512), interpolation="bicubic"),
    dict(type="mmsrdl.MultiScaleCrop", sizes=(512, 448, 384, 320, 256)),
    dict(type="mmsrdl.TorchResize", scale=(448, 448), interpolation="bicubic"),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(448, 448), interpolation="bicubic", backend="pillow"),
    dict(
        type="PackInputs",
        meta_keys=(
            "sample_idx",
            "img_path",
            "ori_shape",
            "img_shape",
            "scale_factor",
            "flip",
            "flip_direction",
            "gt_label_difficult",
            "gt_label_unknown",
        ),
    ),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="mmsrdl.default_collate"),
    sampler=dict(type="mmsrdl.SeededSampler", shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="mmsrdl.default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
