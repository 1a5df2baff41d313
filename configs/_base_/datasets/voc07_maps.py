# Cached maps of the photographs of PASCAL VOC 2007, with the difficult objects of voc07_448.py.
# Loading takes so little time that workers would cost more than they save.
data_preprocessor = dict(mean=None, std=None, num_classes=20)

pipeline = [
    dict(
        type="PackInputs",
        input_key="feature_map",
        meta_keys=("sample_idx", "img_path", "gt_label_difficult"),
    )
]
dataset = dict(type="mmsrdl.FeatureMapDataset", data_root="data/maps/voc07/", pipeline=pipeline)

train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    collate_fn=dict(type="mmsrdl.default_collate"),
    sampler=dict(type="mmsrdl.SeededSampler", shuffle=True),
    dataset=dict(ann_file="train.npz", **dataset),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=0,
    collate_fn=dict(type="mmsrdl.default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file="val.npz", test_mode=True, **dataset),
)
test_dataloader = val_dataloader
