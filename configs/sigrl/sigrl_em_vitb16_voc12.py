# Paper: SigRL (ICME 2025), one positive label, with entropy maximisation (EM), PASCAL VOC 2012.
# Expected: unknown; the paper's figures were not at hand.
# Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_em_vitb16_voc12.py
_base_ = [
    "../_base_/systems/sigrl.py",
    "../_base_/backbones/clip_vit_b16.py",
    "../_base_/datasets/voc12_one_positive_224.py",
    "../_base_/schedules/single_positive_adam_10e.py",
    "../_base_/single_positive_runtime.py",
]

model = dict(
    backbone=_base_.backbone,
    neck=_base_.neck,
    head=dict(
        in_channels=_base_.in_channels,
        embedder=dict(classes="voc", text=_base_.text_encoder, prompts=["{}"]),
        loss=dict(_delete_=True, type="mmsrdl.EntropyMaximizationLoss", alpha=0.2),
    ),
)
auto_scale_lr = dict(base_batch_size=1, enable=False)
