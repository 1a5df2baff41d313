# Paper: SigRL (ICME 2025), open vocabulary, CLIP ViT-B/16, NUS-WIDE (925 seen, 81 unseen labels).
# Expected: unknown; the paper's figures were not at hand.
# Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_vitb16_nuswide.py
_base_ = [
    "../_base_/systems/sigrl.py",
    "../_base_/backbones/clip_vit_b16_two_blocks.py",
    "../_base_/datasets/nuswide_224.py",
    "../_base_/schedules/sigrl_adamw_20e.py",
    "../_base_/open_vocabulary_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    neck=_base_.neck,
    head=dict(
        in_channels=_base_.in_channels,
        # The vocabulary at first; each data set brings its own.
        embedder=dict(classes=_base_.unseen_classes, text=_base_.text_encoder),
        distillation=dict(
            type="mmsrdl.FrozenTail",
            layers=2,
            backbone=_base_.backbone,
            checkpoint=_base_.clip,
        ),
        # The published score of a label depends on the others: the unseen ones are scored alone, too.
        zsl_vocabulary=_base_.unseen_classes,
    ),
)
val_evaluator = dict(unseen=_base_.unseen_classes)
test_evaluator = val_evaluator

auto_scale_lr = dict(base_batch_size=32, enable=False)
