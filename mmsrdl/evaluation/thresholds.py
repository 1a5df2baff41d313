"""Thresholds of classes, and the temperature of scores, in a file that keeps them by name."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmsrdl.evaluation.functional.precision_recall import check_threshold

__all__ = ["Thresholds"]

VERSION = 1


@dataclass(frozen=True)
class Thresholds:
    """From which score on a class is predicted.

    Attributes:
        classes: C names.
        values: C thresholds in [0, 1]; they apply to calibrated scores.
        temperature: T > 0; a score p becomes sigmoid(logit(p) / T). 1 leaves it as it is.
        protocol: How the thresholds were found: objective, images, files, date.
    """

    classes: tuple[str, ...]
    values: tuple[float, ...]
    temperature: float = 1.0
    protocol: dict[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if len(self.classes) != len(self.values):
            raise ValueError(
                f"values has {len(self.values)} thresholds for {len(self.classes)} classes; give "
                "one a class"
            )
        for value in self.values:
            check_threshold(value)
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature={self.temperature!r} must be a finite number above 0")

    def of(self, classes: Sequence[str]) -> Tensor:
        """Looks the thresholds of classes up by name.

        Returns:
            float32, [len(classes)].

        Raises:
            ValueError: If a class has none.
        """
        table = dict(zip(self.classes, self.values, strict=True))
        missing = [name for name in classes if name not in table]
        if missing:
            raise ValueError(
                f"no threshold for {', '.join(map(repr, missing[:10]))} ({len(missing)} of "
                f"{len(classes)} classes); tune them on predictions of this model"
            )
        return torch.tensor([table[name] for name in classes])

    def calibrate(self, scores: Tensor) -> Tensor:
        """Returns the calibrated scores, in [0, 1] and of the same shape."""
        if self.temperature == 1:
            return scores
        return (scores.logit() / self.temperature).sigmoid()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes them as JSON."""
        content = {
            "version": VERSION,
            "thresholds": dict(zip(self.classes, self.values, strict=True)),
            "temperature": self.temperature,
            "protocol": self.protocol,
        }
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Thresholds":
        """Reads what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is something else.
        """
        try:
            content = json.loads(Path(path).read_text("utf-8"))
            table = content["thresholds"]
            return cls(
                tuple(table),
                tuple(float(value) for value in table.values()),
                float(content.get("temperature", 1)),
                dict(content.get("protocol", {})),
            )
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"thresholds='{path}' does not exist; write it with `mmsrdl thresholds`"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"thresholds='{path}' is no file of `mmsrdl thresholds`: {error}; write it again"
            ) from error
