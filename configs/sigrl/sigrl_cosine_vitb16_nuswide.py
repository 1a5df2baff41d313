# Paper: none; SigRL with a score that does not depend on which labels are asked for, NUS-WIDE.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/sigrl/sigrl_cosine_vitb16_nuswide.py
_base_ = ["./sigrl_vitb16_nuswide.py"]

model = dict(
    head=dict(
        # Features are reconstructed from the labels of the training, and scores are cosines.
        attention=dict(context="trained"),
        classifier=dict(normalise="cosine"),
        zsl_vocabulary=None,
    )
)
