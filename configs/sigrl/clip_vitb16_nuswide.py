# Paper: CLIP (ICML 2021), zero-shot: cosines of the class token and the label vectors, NUS-WIDE.
# Expected: unknown; not run at full scale by this project.
# Nothing is trained.
# Run: python tools/test.py configs/sigrl/clip_vitb16_nuswide.py data/clip/clip_vit_b16.pth
_base_ = ["./mkt_vitb16_nuswide.py"]

model = dict(
    head=dict(
        classifier=dict(local=False, normalise="cosine"), distillation=None, zsl_vocabulary=None
    )
)
