# VLPL with the numbers published for MS-COCO 2014. The scores are yours to make, see docs/scarce_labels.md and
# docs/sigrl_single_positive.md.
loss = dict(
    type="mmsrdl.VLPLLoss",
    # Cosine similarities of the training images and the classes; of probabilities, temperature=None.
    scores="data/vlpl/coco_train.npz",
    temperature=0.01,
    threshold=0.3,
    alpha=0.1,
    beta_pos=0.7,
    smoothing=0.1,
)
