# Images of one's own at 448 px, with the paper's augmentation. The config that inherits says where
# they are: data_root, ann_file, data_prefix and metainfo of each data set.
_base_ = ["./loaders_448.py"]

train_dataloader = dict(dataset=dict(type="mmsrdl.MultiLabelDataset"))
val_dataloader = dict(dataset=dict(type="mmsrdl.MultiLabelDataset"))
test_dataloader = val_dataloader
