# PASCAL VOC 2007: trainval (5,011 images) and test (4,952 images). Classes with only
# difficult objects are negative in training and left out of evaluation; switch: difficult=...
_base_ = ["./pipelines_448.py"]

data_root = "data/VOCdevkit/VOC2007/"
data_preprocessor = dict(num_classes=20)

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="mmsrdl.SeededSampler", shuffle=True),
    dataset=dict(
        type="mmsrdl.VOCMultiLabel",
        data_root=data_root,
        split="trainval",
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
        type="mmsrdl.VOCMultiLabel",
        data_root=data_root,
        split="test",
        test_mode=True,
        pipeline={{_base_.test_pipeline}},
    ),
)
test_dataloader = val_dataloader
