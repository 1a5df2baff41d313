# Cached maps of the photographs of MS-COCO 2014.
_base_ = ["./voc07_maps.py"]

data_preprocessor = dict(num_classes=80)
train_dataloader = dict(dataset=dict(data_root="data/maps/coco/"))
val_dataloader = dict(dataset=dict(data_root="data/maps/coco/"))
test_dataloader = val_dataloader
