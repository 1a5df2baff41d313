# MCAR's global stream alone: one pass, global pooling, one linear layer.
_base_ = ["./linear.py"]

model = dict(
    # Its public code offers average, maximum and their mean, and takes the average where nothing is
    # said; the mean is neck=dict(_delete_=True, type="mmsrdl.GlobalWeightedPooling").
    head=dict(
        # The mean over images and classes: the learning rate is meant for it.
        loss=dict(reduction="mean"),
        # PyTorch's own, uniform in +-1 / sqrt(channels).
        init_cfg=None,
    ),
)
