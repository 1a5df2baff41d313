"""Numbers of what is known and what is hidden."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["ObservationStatistics", "count_known"]


@dataclass(frozen=True, eq=False)
class ObservationStatistics:
    """What is known of the labels of N images and C classes.

    Attributes:
        classes: C names.
        num_images: N.
        positives: Positive images of each class before labels were hidden, int64 [C].
        negatives: Negative ones, likewise.
        known_positives: How many of the positives are known, int64 [C].
        known_negatives: How many of the negatives are, likewise.
        images_without_known_positive: Number of images that no class is known to be positive for.
    """

    classes: tuple[str, ...]
    num_images: int
    positives: np.ndarray
    negatives: np.ndarray
    known_positives: np.ndarray
    known_negatives: np.ndarray
    images_without_known_positive: int

    @property
    def known_share(self) -> float:
        """Share of all N x C entries that are known."""
        known = self.known_positives.sum() + self.known_negatives.sum()
        return float(known / (self.num_images * len(self.classes)))

    @property
    def positive_share(self) -> float:
        """Share of the positives that are known; 0 where there are none."""
        return float(self.known_positives.sum() / max(1, self.positives.sum()))

    @property
    def negative_share(self) -> float:
        """Share of the negatives that are known; 0 where there are none."""
        return float(self.known_negatives.sum() / max(1, self.negatives.sum()))

    @property
    def classes_without_known_positive(self) -> tuple[str, ...]:
        """Classes that no image is known to be positive for."""
        counts = zip(self.classes, self.known_positives.tolist(), strict=True)
        return tuple(name for name, count in counts if not count)

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.known_share:.2%} of {self.num_images:,} x {len(self.classes)} labels are "
            f"known: {self.known_positives.sum():,} of {self.positives.sum():,} positives "
            f"({self.positive_share:.1%}), {self.known_negatives.sum():,} of "
            f"{self.negatives.sum():,} negatives ({self.negative_share:.1%}); "
            f"{self.images_without_known_positive:,} images without a known positive"
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers in plain types, as for JSON."""
        return {
            "classes": list(self.classes),
            "num_images": self.num_images,
            "known_share": self.known_share,
            "positive_share": self.positive_share,
            "negative_share": self.negative_share,
            "images_without_known_positive": self.images_without_known_positive,
            "classes_without_known_positive": list(self.classes_without_known_positive),
            "positives": self.positives.tolist(),
            "negatives": self.negatives.tolist(),
            "known_positives": self.known_positives.tolist(),
            "known_negatives": self.known_negatives.tolist(),
        }


def count_known(
    labels: np.ndarray, known: np.ndarray, classes: Sequence[str]
) -> ObservationStatistics:
    """Counts what is known of labels.

    Args:
        labels: [N, C]; 1 positive, 0 negative, -1 unknown.
        known: bool [N, C].
        classes: C names.

    Raises:
        ValueError: If the shapes differ.
    """
    if labels.shape != known.shape:
        raise ValueError(f"labels must be {list(known.shape)} as known, got {list(labels.shape)}")
    positive, negative = labels == 1, labels == 0
    return ObservationStatistics(
        classes=tuple(classes),
        num_images=len(labels),
        positives=positive.sum(0),
        negatives=negative.sum(0),
        known_positives=(positive & known).sum(0),
        known_negatives=(negative & known).sum(0),
        images_without_known_positive=int((~(positive & known).any(1)).sum()),
    )
