# The built-in demo scenes, which tools/demo.py writes as JPEG and COCO instances json.
data_root = "work_dirs/demo/scenes/"
classes = [
    "boat", "car", "fish", "flower", "heart", "house", "key", "kite", "mug", "mushroom",
    "star", "sun", "tree", "umbrella",
]  # fmt: skip
data_preprocessor = dict(mean=[127.5] * 3, std=[64.0] * 3, to_rgb=True)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [dict(type="LoadImageFromFile"), dict(type="PackInputs")]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    collate_fn=dict(type="mmsrdl.default_collate"),
    sampler=dict(type="mmsrdl.SeededSampler", shuffle=True),
    dataset=dict(
        type="mmsrdl.CocoMultiLabel",
        data_root=data_root,
        ann_file="annotations/instances_train.json",
        data_prefix="train",
        metainfo=dict(classes=classes),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=100,
    num_workers=1,
    persistent_workers=True,
    collate_fn=dict(type="mmsrdl.default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmsrdl.CocoMultiLabel",
        data_root=data_root,
        ann_file="annotations/instances_val.json",
        data_prefix="val",
        metainfo=dict(classes=classes),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
