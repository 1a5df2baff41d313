# MS-COCO 2014: 82,081 training and 40,137 validation images with at least one label.
_base_ = ["./pipelines_448.py"]

data_root = "data/coco/"
data_preprocessor = dict(num_classes=80)

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="mmsrdl.SeededSampler", shuffle=True),
    dataset=dict(
        type="mmsrdl.CocoMultiLabel",
        data_root=data_root,
        ann_file="annotations/instances_train2014.json",
        data_prefix="train2014",
        pipeline={{_base_.train_pipeline}},
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmsrdl.CocoMultiLabel",
        data_root=data_root,
        ann_file="annotations/instances_val2014.json",
        data_prefix="val2014",
        test_mode=True,
        pipeline={{_base_.test_pipeline}},
    ),
)
test_dataloader = val_dataloader
