"""Thresholds of classes, and the temperature of scores, in a file that keeps them by name."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmsrdl.datasets.annotation_file import load_json
from mmsrdl.evaluation.functional.calibration import apply_temperature, check_temperature
from mmsrdl.evaluation.functional.precision_recall import check_threshold

__all__ = ["Thresholds"]

VERSION = 1

DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Thresholds:
    """From which score on a class is predicted.

    Attributes:
        classes: C distinct names.
        values: C thresholds in [0, 1]; they apply to calibrated scores.
        temperature: T > 0; a score p becomes sigmoid(logit(p) / T). 1 leaves it as it is.
        protocol: How the thresholds were found: objective, images, files, date.
        source: Where they were read, for messages.

    Raises:
        TypeError: A threshold or the temperature is no number.
        ValueError: One is out of range, two classes share a name, or the numbers differ.
    """

    classes: tuple[str, ...]
    values: tuple[float, ...]
    temperature: float = 1.0
    protocol: dict[str, Any] = field(default_factory=dict, compare=False)
    source: str = field(default="tuned thresholds", compare=False)

    def __post_init__(self) -> None:
        if len(self.classes) != len(self.values):
            raise ValueError(
                f"values has {len(self.values)} thresholds for {len(self.classes)} classes; give "
                "one a class"
            )
        if len(set(self.classes)) < len(self.classes):
            twice = [name for name, count in Counter(self.classes).most_common(10) if count > 1]
            raise ValueError(f"classes must be distinct, got {', '.join(twice)} more than once")
        for value in self.values:
            check_threshold(value)
        if isinstance(self.temperature, bool) or not isinstance(self.temperature, Real):
            raise TypeError(f"temperature must be a number above 0, got {self.temperature!r}")
        check_temperature(self.temperature)

    def of(self, classes: Sequence[str], dtype: torch.dtype = torch.float32) -> Tensor:
        """Looks the thresholds of classes up by name.

        Args:
            classes: Names, in any order; they may leave some of the thresholds out.
            dtype: Type of the scores that they are for. Tuned thresholds come back exactly in
                the type of the scores that they were tuned on.

        Returns:
            [len(classes)], of ``dtype``.

        Raises:
            ValueError: If a class has none.
        """
        table = dict(zip(self.classes, self.values, strict=True))
        missing = [name for name in classes if name not in table]
        if missing:
            raise ValueError(
                f"{self.source}: no threshold for {', '.join(map(repr, missing[:10]))} "
                f"({len(missing)} of {len(classes)} classes); tune them on predictions of this "
                "model"
            )
        return torch.tensor([table[name] for name in classes], dtype=dtype)

    def calibrate(self, scores: Tensor) -> Tensor:
        """Returns the calibrated scores, in [0, 1] and of the same shape."""
        return apply_temperature(scores, self.temperature)

    def decide(self, scores: Tensor, classes: Sequence[str]) -> Tensor:
        """Says which classes are predicted: calibrated score >= threshold.

        Args:
            scores: [..., C], probabilities as the model gives them.
            classes: C names.

        Returns:
            bool, [..., C].

        Raises:
            ValueError: If a class has no threshold.
        """
        limits = self.of(classes, torch.promote_types(scores.dtype, torch.float32))
        return self.calibrate(scores) >= limits.to(scores.device)

    def describe(self) -> str:
        """Says in a line how they were found, for logs and tables."""
        facts = [
            f"{key} {value}"
            for key, value in self.protocol.items()
            if isinstance(value, str | int | float)
        ]
        if self.temperature != 1:
            facts.append(f"temperature {self.temperature:.4g}")
        return ", ".join(facts) or "no protocol"

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
            content = load_json(Path(path).read_text("utf-8"))
            if content["version"] != VERSION:
                raise ValueError(f"its version is {content['version']}, and {VERSION} can be read")
            table = content["thresholds"]
            return cls(
                tuple(table),
                tuple(table.values()),
                content.get("temperature", 1.0),
                dict(content.get("protocol", {})),
                os.fspath(path),
            )
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"thresholds='{path}' does not exist; write it with `mmsrdl thresholds`"
            ) from error
        except DAMAGED as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ValueError(
                f"thresholds='{path}' is no file of `mmsrdl thresholds`: {what}; write it again"
            ) from error
