# PASCAL VOC 2007: trainval (5,011 images) and test (4,952 images). Classes with only
# difficult objects are negative in training and left out of evaluation; switch: difficult=...
_base_ = ["./loaders_448.py"]

dataset = dict(type="mmsrdl.VOCMultiLabel", data_root="data/VOCdevkit/VOC2007/")
data_preprocessor = dict(num_classes=20)

train_dataloader = dict(dataset=dict(split="trainval", **dataset))
val_dataloader = dict(dataset=dict(split="test", **dataset))
test_dataloader = val_dataloader
