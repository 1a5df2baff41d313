# The asymmetric form of VLPL. The scores are yours to make, see docs/scarce_labels.md and docs/sigrl_single_positive.md.
loss = dict(
    type="mmsrdl.AsymmetricVLPLLoss",
    # Cosine similarities of the training images and the classes; of probabilities, temperature=None.
    scores="data/vlpl/coco_train.npz",
    temperature=0.01,
    threshold=0.3,
    gamma_pos=2.0,
    gamma_neg=4.0,
    gamma_unknown=4.0,
)
