# One positive label of each training image, drawn uniformly, is kept: all else is unknown. The images
# held out and the test set keep all their labels.
_base_ = ["./voc12_held_out.py"]

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="mmsrdl.ObservedDataset",
        keep="one_positive",
        seed=1200,
        dataset=_base_.train_dataloader.dataset,
    )
)
