# The demo tier's stand-in for ImageNet: one class an image, softmax, on scenes of another seed.
_base_ = ["./demo.py"]

model = dict(head=dict(loss=dict(type="mmsrdl.OnePositiveSoftmaxLoss", _delete_=True)))

_dataset = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        type="mmsrdl.ObservedDataset",
        dataset=_dataset,
        keep="one_positive",
        _delete_=True,
    )
)

train_cfg = dict(max_epochs=10, val_interval=10)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.04, end=2, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        T_max=8,
        eta_min_ratio=0.001,
        begin=2,
        end=10,
        convert_to_iter_based=True,
    ),
]
