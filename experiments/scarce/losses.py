"""What is compared: the losses, with the hyper-parameters of their papers, and what is known."""

from dataclasses import dataclass, field
from typing import Any

from experiments.scarce.prepared import Prepared
from experiments.scarce.tiers import Tier

__all__ = ["EVERYTHING", "LOSSES", "SETTINGS", "Loss", "loss_config", "observation_config"]

EVERYTHING = "1"
SETTINGS = {
    "one_positive": "one positive",
    "0.1": "10 %",
    "0.3": "30 %",
    "0.5": "50 %",
    EVERYTHING: "100 %",
}
"""What is known of a training image, as on the command line and as in the table: one of its
positives, or each entry with a probability."""


@dataclass(frozen=True)
class Loss:
    """A loss of the study.

    Attributes:
        title: Its name in table and figure.
        type: Its name in the registry.
        options: Hyper-parameters, those of its paper for PASCAL VOC.
        reduces: Whether it is BCE where everything is known, and so not trained again.
        by_image: Whether it is told the number of images and classes.
        teacher: Whether it reads the teacher's scores.
        paramwise: What the optimiser does with its parameters.
    """

    title: str
    type: str
    options: dict[str, Any] = field(default_factory=dict)
    reduces: bool = True
    by_image: bool = False
    teacher: bool = False
    paramwise: dict[str, float] = field(default_factory=dict)


LOSSES = {
    "bce": Loss("BCE of known entries", "mmsrdl.MultiLabelBCELoss"),
    "partial_bce": Loss("partial BCE", "mmsrdl.PartialBCELoss"),
    "an": Loss("AN", "mmsrdl.AssumeNegativeLoss"),
    "wan": Loss("WAN", "mmsrdl.AssumeNegativeLoss", dict(weight="wan")),
    "role": Loss(
        "ROLE",
        "mmsrdl.ROLELoss",
        reduces=False,
        by_image=True,
        paramwise=dict(lr_mult=10.0, decay_mult=0.0),
    ),
    "em": Loss("EM", "mmsrdl.EntropyMaximizationLoss", dict(alpha=0.2)),
    "em_apl": Loss(
        "EM + APL",
        "mmsrdl.EMAPLLoss",
        dict(alpha=0.2, beta=0.02, negative_share=0.9),
        by_image=True,
    ),
    "vlpl": Loss("VLPL", "mmsrdl.VLPLLoss", dict(alpha=0.2, beta_pos=0.7), teacher=True),
    "vlpl_asym": Loss("VLPL, asymmetric", "mmsrdl.AsymmetricVLPLLoss", reduces=False, teacher=True),
}


def loss_config(
    name: str, tier: Tier, prepared: Prepared, images: int, epochs: int, scores: str
) -> dict[str, Any]:
    """Makes the config of a loss.

    Two values follow the data, as in the papers: ROLE's expected positives are the mean of the
    training set with all labels known, and EM + APL warms up in the first half of the epochs.

    Args:
        name: Key of :data:`LOSSES`.
        tier: Of the training.
        prepared: Its data.
        images: Number of images that are trained on.
        epochs: Length of the training.
        scores: File of the teacher's scores.
    """
    loss = LOSSES[name]
    config: dict[str, Any] = {"type": loss.type, **loss.options}
    if loss.by_image:
        config |= dict(num_images=images, num_classes=prepared.classes)
    if loss.teacher:
        config |= dict(scores=scores, threshold=tier.threshold, temperature=tier.temperature)
    if name == "role":
        config["expected_positives"] = prepared.positives
    if name == "em_apl":
        config["warmup_epochs"] = epochs // 2
    return config


def observation_config(setting: str, seed: int) -> dict[str, Any]:
    """Makes the arguments of :class:`mmsrdl.ObservedDataset`.

    Args:
        setting: Key of :data:`SETTINGS`.
        seed: Seed of the draw.
    """
    if setting == "one_positive":
        return dict(keep="one_positive", seed=seed)
    return dict(keep="entries", p=float(setting), seed=seed)
