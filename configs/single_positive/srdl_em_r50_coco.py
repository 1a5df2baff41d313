# Paper: none; SRDL (CAR + OE) with entropy maximisation (EM), one positive label, MS-COCO 2014.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/single_positive/srdl_em_r50_coco.py --word-vectors glove.6B.300d.txt
_base_ = [
    "../_base_/systems/car.py",
    "../_base_/backbones/r50.py",
    "../_base_/datasets/coco14_one_positive.py",
    "../_base_/schedules/single_positive_adam_10e.py",
    "../_base_/single_positive_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=_base_.in_channels,
        num_classes=80,
        embedder=dict(classes="coco"),
        loss=dict(_delete_=True, type="mmsrdl.EntropyMaximizationLoss", alpha=0.1),
    ),
)

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))

auto_scale_lr = dict(base_batch_size=16, enable=False)
