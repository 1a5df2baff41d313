# The runtime of the demo scenes.
_base_ = ["./default_runtime.py"]

default_hooks = dict(
    logger=dict(interval=20),
    # The last checkpoint is the result: choosing the best one would choose on the test set.
    checkpoint=dict(save_best=None, max_keep_ckpts=1),
)
