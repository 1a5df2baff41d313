# Paper: SigRL (ICME 2025) without the graph of labels: t in the place of GMC(t), NUS-WIDE.
# Expected: unknown; how the paper ablates is not known. Not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/svfr_vitb16_nuswide.py
_base_ = ["./sigrl_vitb16_nuswide.py"]

model = dict(head=dict(attention=dict(graph=None)))
