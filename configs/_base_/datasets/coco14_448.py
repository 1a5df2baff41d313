# MS-COCO 2014: 82,081 training and 40,137 validation images with at least one label.
_base_ = ["./loaders_448.py"]

dataset = dict(type="mmsrdl.CocoMultiLabel", data_root="data/coco/")
data_preprocessor = dict(num_classes=80)

train_dataloader = dict(
    dataset=dict(
        ann_file="annotations/instances_train2014.json", data_prefix="train2014", **dataset
    )
)
val_dataloader = dict(
    dataset=dict(ann_file="annotations/instances_val2014.json", data_prefix="val2014", **dataset)
)
test_dataloader = val_dataloader
