# SSGRL: semantic decoupling, and three steps of a gated graph network over the class features along
# the labels' co-occurrence, which is counted on the training set.
_base_ = ["./sd.py"]

model = dict(
    head=dict(
        relation=dict(type="mmsrdl.GGNN", num_steps=3),
        # As in its code: the backbone ends with a 2 x 2 average pool, 7 x 7 positions at 448 px.
        avg_pool=2,
        # The mean over classes and images, as in its code.
        loss=dict(reduction="mean"),
    )
)
