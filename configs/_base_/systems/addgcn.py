# ADD-GCN: SAM, a static and a dynamic graph over the class features, and the maps' own scores.
_base_ = ["./sam.py"]

model = dict(
    head=dict(
        relation=dict(type="mmsrdl.DynamicGCN"),
        map_score_weight=0.5,
        # The mean over classes and images, as in its code: SGD's steps grow with the loss.
        loss=dict(reduction="mean"),
    )
)
