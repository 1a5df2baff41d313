# Paper: MKT (AAAI 2023), its first stage: SigRL without GMC and SVFR, CLIP ViT-B/16, NUS-WIDE.
# Expected: unknown; the paper's figures were not at hand, and are those of both stages.
# Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/mkt_vitb16_nuswide.py
_base_ = ["./sigrl_vitb16_nuswide.py"]

model = dict(head=dict(attention=dict(_delete_=True, type="mmsrdl.PatchScores")))
train_dataloader = dict(batch_size=64, drop_last=True)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=64)
