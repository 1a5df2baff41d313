# PASCAL VOC 2012 as the literature on single positive labels divides it: a fifth of the 5,717
# training images is held out, with all its labels, to choose the epoch; the 5,823 validation images
# are the test set.
_base_ = ["./loaders_448_flip.py"]

dataset = dict(type="mmsrdl.VOCMultiLabel", data_root="data/VOCdevkit/VOC2012/")
held_out = dict(_delete_=True, type="mmsrdl.HeldOutSplit", held_out=0.2, seed=1200)
data_preprocessor = dict(num_classes=20)

train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        part="fit",
        dataset=dict(split="train", pipeline=_base_.train_pipeline, **dataset),
        **held_out,
    ),
)
val_dataloader = dict(
    dataset=dict(
        part="held_out",
        dataset=dict(split="train", test_mode=True, pipeline=_base_.test_pipeline, **dataset),
        **held_out,
    )
)
test_dataloader = dict(dataset=dict(split="val", **dataset))
