# MS-COCO 2014 as the literature on single positive labels divides it: a fifth of the 82,081 training
# images is held out, with all its labels, to choose the epoch; the 40,137 validation images are the
# test set.
_base_ = ["./loaders_448_flip.py"]

train_set = dict(
    type="mmsrdl.CocoMultiLabel",
    data_root="data/coco/",
    ann_file="annotations/instances_train2014.json",
    data_prefix="train2014",
)
held_out = dict(
    _delete_=True, type="mmsrdl.HeldOutSplit", held_out=0.2, seed=1200, order="image_id"
)
data_preprocessor = dict(num_classes=80)

train_dataloader = dict(
    dataset=dict(part="fit", dataset=dict(pipeline=_base_.train_pipeline, **train_set), **held_out),
)
val_dataloader = dict(
    dataset=dict(
        part="held_out",
        dataset=dict(test_mode=True, pipeline=_base_.test_pipeline, **train_set),
        **held_out,
    )
)
test_dataloader = dict(
    dataset=dict(
        type="mmsrdl.CocoMultiLabel",
        data_root="data/coco/",
        ann_file="annotations/instances_val2014.json",
        data_prefix="val2014",
    )
)
