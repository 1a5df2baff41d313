"""The two tiers of the study: what is trained, and how long."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["TIERS", "Tier"]

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class Tier:
    """What the trainings of a tier have in common.

    Attributes:
        config: Config file of masked BCE with all labels known.
        lrs: Learning rates that the search of every loss and setting may try.
        data: What the table says of data, network and schedule.
        teacher: What it says of VLPL's teacher.
        temperature: Of the softmax over the teacher's scores; None takes them as they are.
        threshold: Of pseudo-positives.
    """

    config: Path
    lrs: tuple[float, ...]
    data: str
    teacher: str
    temperature: float | None = None
    threshold: float = 0.3


TIERS = {
    "frozen": Tier(
        config=CONFIGS / "frozen.py",
        lrs=(1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
        data=(
            "photographs of PASCAL VOC 2007; maps of an EfficientNet-Lite0 of ImageNet that does "
            "not learn, the maximum over positions, one linear layer; difficult objects are "
            "negatives in training and left out of the evaluation"
        ),
        teacher=(
            "the backbone's own ImageNet classifier, read for VOC's class names by ConSE(10) with "
            "a sentence encoder (cosines over temperature 0.01, that of VLPL's CLIP)"
        ),
        temperature=0.01,
    ),
    "demo": Tier(
        config=CONFIGS / "demo.py",
        lrs=(3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
        data=(
            "the built-in demo scenes of 64 px; three stages of a ResNet-18 a quarter as wide, "
            "global max pooling, one linear layer, trained end to end from a network that learned "
            "one class an image, with a softmax, on 3,000 scenes of another seed, which takes the "
            "place of ImageNet"
        ),
        teacher="that network, whose softmax is taken as it is",
    ),
}
