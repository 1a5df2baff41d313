# Paper: none; SigRL without reconstruction: patches are scored with t + GMC(t), NUS-WIDE.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/gmc_vitb16_nuswide.py
_base_ = ["./sigrl_vitb16_nuswide.py"]

graph = _base_.model.head.attention.graph
model = dict(head=dict(attention=dict(_delete_=True, type="mmsrdl.PatchScores", graph=graph)))
