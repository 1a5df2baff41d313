"""What is compared: a config with other settings of its object erasing, and without it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from experiments.config_study import ConfigStudy
from experiments.config_training import ConfigTraining
from experiments.end_to_end.job import Job as EndToEnd
from experiments.figure6.points import PAPER, WITHOUT, Point, points_of
from experiments.frozen.job import Job as Frozen
from experiments.intervals import QUANTILES
from experiments.prepared import read_config
from experiments.study import Cell, check_distinct
from experiments.trainings import Training
from mmsrdl.arguments import check_integer, check_number

__all__ = ["Study"]


@dataclass(kw_only=True)
class Study(ConfigStudy):
    """What is compared, and how.

    The learning rate is searched once a config, with the paper's K and alpha, and is that of all
    points, so that nothing but the erasing differs between them.

    Attributes:
        topks: Values of K, with the paper's alpha.
        alphas: Values of alpha, with the paper's K.
        weights: ImageNet weights of the backbone, for configs of images; None takes the configs'.
        launcher: Processes (GPUs) of each training, likewise.
    """

    OF_IMAGES: ClassVar[tuple[str, ...]] = ("weights", "launcher")

    topks: list[int] = field(default_factory=lambda: [*range(1, 9)])
    alphas: list[float] = field(default_factory=lambda: [tenth / 10 for tenth in range(1, 10)])
    weights: str | None = None
    launcher: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct("topks", self.topks)
        check_distinct("alphas", self.alphas)
        for topk in self.topks:
            check_integer("--topks", topk, low=1, example=3)
        for alpha in self.alphas:
            check_number("--alphas", alpha, low=0.001, high=0.999, example=0.5)
        check_integer("--launcher", self.launcher, low=1, example=8)
        if len(self.seeds) > len(QUANTILES) + 1:
            raise ValueError(f"--seeds: intervals are of up to {len(QUANTILES) + 1} seeds")

    @property
    def points(self) -> dict[str, Point]:
        """The points by name, each once; the paper's, which is searched, is always among them."""
        panels = points_of(sorted(self.topks), sorted(self.alphas))
        drawn = [point for points in panels.values() for point in points]
        return {point.name: point for point in (WITHOUT, PAPER, *drawn)}

    def cells(self) -> Iterable[Cell]:
        """Returns configs and names of points."""
        return [(config, name) for config in self.configs for name in self.points]

    def training(self, cell: Cell, **fields: Any) -> ConfigTraining:
        """Makes a training of a config with a point's settings."""
        config, name = cell
        kind = tier_of(config)
        own = self.TRAINING if kind is Frozen else (*self.TRAINING, *self.OF_IMAGES)
        options = {**(self.cfg_options or {}), **self.points[name].options}
        fields = {**{each: getattr(self, each) for each in own}, **fields, "cfg_options": options}
        return kind(config=config, variant=name, **fields)

    def searches(self, cell: Cell) -> list[Training]:
        """Makes the trainings that a config is searched by, at the paper's point alone."""
        return super().searches(cell) if cell[1] == PAPER.name else []

    def content(self) -> dict[str, Any]:
        """Returns what table and figure go by; what earlier calls ran stays."""
        before = self._before()
        content = super().content()
        for name in ("topks", "alphas"):
            content[name] = sorted({*before.get(name, []), *getattr(self, name)})
        return content

    @property
    def tier(self) -> str:
        """The tiers of the configs, of earlier calls, too."""
        before = self._before().get("tier")
        tiers = {tier_of(config).TIER for config in self.configs}
        return " and ".join(sorted(tiers | set(before.split(" and ") if before else ())))

    def _searches(self, cell: Cell, lrs: Sequence[float]) -> list[Training]:
        return super()._searches((cell[0], PAPER.name), lrs)


@cache
def tier_of(config: str) -> type[ConfigTraining]:
    """Returns the class of a config's trainings.

    Raises:
        ValueError: If it has no object erasing.
    """
    cfg = read_config(config)
    hook = cfg.get("default_hooks", {}).get("oe") or {}
    if hook.get("type") != "mmsrdl.OEErasingHook":
        raise ValueError(
            f"{config} has no default_hooks.oe of mmsrdl.OEErasingHook, whose settings Figure 6 "
            "varies; give a config with it, such as configs/frozen/srdl_voc07.py"
        )
    kind = cfg.train_dataloader.dataset.type
    return Frozen if kind == "mmsrdl.FeatureMapDataset" else EndToEnd
