# The setting of voc12_one_positive.py for CLIP's ViT-B/16, an image a step.
_base_ = ["./voc12_one_positive.py", "../pipelines/flip_224.py"]

evaluated_pipeline = [*_base_.whole_224, _base_.test_pipeline[-1]]
train_dataloader = dict(
    batch_size=1, dataset=dict(dataset=dict(dataset=dict(pipeline=_base_.flip_224)))
)
val_dataloader = dict(dataset=dict(dataset=dict(pipeline=evaluated_pipeline)))
test_dataloader = dict(dataset=dict(pipeline=evaluated_pipeline))
