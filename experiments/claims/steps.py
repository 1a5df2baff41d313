"""What the small study and the full paper consist of, step by step."""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from experiments.config_table import TableForm, final_results
from mmsrdl import cli
from mmsrdl.apis import load_config
from mmsrdl.datasets.demo_scenes import write_demo_scenes

__all__ = ["STUDIES", "Context", "Scenes", "Sources", "Step", "Study", "steps_of"]

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

HEADS = (
    "gap", "gmp", "csra", "sd", "sam", "car_wo_gcn", "car_wo_ca", "car_wo_sa", "car", "srdl",
    "asl", "gmp_asl", "srdl_asl", "srdl_plus",
)  # fmt: skip
"""Configs of the frozen tier, without their data set; those of ``DECODER`` are added."""
PLUS = (
    "srdl_plus", "srdl_plus_wo_sqrt", "srdl_plus_wo_ln", "srdl_plus_wo_hidden", "srdl_plus_wo_lme",
    "srdl_plus_wo_asl", "srdl_plus_oe",
)  # fmt: skip
"""SRDL+ and its ablation on the frozen tier."""
WHOLE = (
    "lite0/gap_lite0", "lite0/gmp_lite0", "lite0/csra_lite0", "lite0/car_lite0",
    "lite0/srdl_lite0", "plus/srdl_plus_lite0",
)  # fmt: skip
"""Configs of the small end-to-end tier."""
PAPER = (
    "table5/r101_gap", "table5/r101_gmp", "table5/car_r101", "table5/srdl_r101",
    "table6/car_wo_gcn_r101", "table6/car_wo_ca_r101", "table6/car_wo_sa_r101",
)  # fmt: skip
SHORT = (
    "--lrs", "3e-4", "1e-3", "3e-3", "--extend", "3", "--search-epochs", "2",
    "--cfg-options", "train_cfg.max_epochs=4",
)  # fmt: skip
"""Search and budget of the frozen tier."""
SHORTER = (
    "--lrs", "1e-3", "3e-3", "--extend", "2", "--search-epochs", "2",
    "--cfg-options", "train_cfg.max_epochs=2",
)  # fmt: skip
"""Those of Figure 6, which has 17 settings."""
VOC, COCO = "voc07", "coco"
DECODER = {VOC: "q2l", COCO: "mldecoder"}
"""Decoders of label queries: Query2Label would take a third of all time with 80 labels."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where data are, and where results go; dictionaries are of ``'voc07'`` and ``'coco'``.

    Attributes:
        out: Folder of all studies.
        roots: Folders of photographs; a data set without one is left out.
        settings: Settings of the configs of photographs, as ``KEY=VALUE``.
        vectors: Files of word vectors.
        weights: ImageNet weights of the backbone; None takes the configs'.
        processes: Trainings at a time.
    """

    out: Path
    roots: dict[str, str]
    settings: dict[str, list[str]] = field(default_factory=dict)
    vectors: dict[str, str] = field(default_factory=dict)
    weights: str | None = None
    processes: int = 1

    def maps(self, data: str) -> str:
        """Returns the folder of the maps of a data set."""
        return str(self.out / "maps" / data)

    def vectors_of(self, data: str) -> list[str]:
        """Returns the option of a data set's word vectors, if they are given."""
        return ["--word-vectors", self.vectors[data]] if data in self.vectors else []

    def of_photographs(self, data: str, *settings: str) -> list[str]:
        """Returns the options of whatever reads a data set's photographs, with further settings."""
        words = ["--data-root", self.roots[data]]
        if self.weights is not None:
            words += ["--weights", self.weights]
        settings = (*self.settings.get(data, ()), *settings)
        return words + (["--cfg-options", *settings] if settings else [])


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """A part of a study.

    Attributes:
        name: What the command line calls it.
    """

    name: str

    @abstractmethod
    def run(self, dry_run: bool) -> int:
        """Runs what is missing, or says it; returns what an exit code says."""


@dataclass(frozen=True, kw_only=True)
class Study(Step):
    """A command of :mod:`experiments`.

    Attributes:
        module: Its package there.
        words: Its arguments.
        out: The folder of what it writes.
        needs: A folder that an earlier step writes; None if it needs none.
    """

    module: str
    words: tuple[str, ...]
    out: Path
    needs: Path | None = None

    def __str__(self) -> str:
        return f"python -m experiments.{self.module} {' '.join(self.words)} --out {self.out}"

    @property
    def table(self) -> Path | None:
        """The file of the table; None where there is none."""
        return self.out / f"{self.module}.md" if self.words[0] == "run" else None

    def run(self, dry_run: bool) -> int:
        """Calls the command."""
        print(self, flush=True)
        words = (*self.words, "--out", str(self.out))
        if dry_run and self.table is None:
            return 0
        if dry_run and self.needs is not None and not self.needs.is_dir():
            print(f"all of it is missing; {self.needs} is of an earlier step")
            return 0
        main = import_module(f"experiments.{self.module}.__main__").main
        return main([*words, "--dry-run"] if dry_run else words)


@dataclass(frozen=True, kw_only=True)
class Scenes(Step):
    """The demo scenes of ``make demo``.

    Attributes:
        folder: Where they are written; what is there stays.
    """

    folder: Path

    def run(self, dry_run: bool) -> int:
        """Writes the scenes."""
        if not dry_run:
            write_demo_scenes(self.folder, train=3000, val=1000, seed=1)
        return 0


@dataclass(frozen=True, kw_only=True)
class Context(Step):
    """``mmsrdl context`` of a study's systems, each against the baseline.

    Attributes:
        out: Folder of the study.
        form: Module of the study's table.
        systems: Names of configs.
        baseline: Name of the config that they are compared with.
        options: Further arguments: whose labels were trained, and boxes.
    """

    out: Path
    form: str
    systems: tuple[str, ...]
    baseline: str
    options: tuple[str, ...]

    @property
    def text(self) -> Path:
        """The file of the tables."""
        return self.out / "context.txt"

    def picture(self, system: str) -> Path:
        """Returns the file of a system's picture."""
        return self.out / f"context_{system}.png"

    def run(self, dry_run: bool) -> int:
        """Measures, prints and draws."""
        if dry_run:
            return 0
        form: TableForm = import_module(self.form).FORM
        scores = {
            name: [str(each["scores"]) for each in final]
            for name, final in final_results(form, str(self.out)).items()
        }
        output = io.StringIO()
        for system in self.systems:
            self.picture(system).unlink(missing_ok=True)
            if not scores.get(system) or not scores.get(self.baseline):
                print(
                    f"context of {system}: not run, as there are no scores of it and the baseline"
                )
                continue
            words = ["context", *scores[system], "--against", *scores[self.baseline]]
            words += ["--names", system, self.baseline, *self.options]
            with redirect_stdout(output):
                cli.main([*words, "--out", str(self.picture(system))])
        self.text.write_text(output.getvalue(), encoding="utf-8")
        print(output.getvalue())
        return 0


def steps_of(study: str, sources: Sources) -> list[Step]:
    """Returns the steps of ``'small'`` or ``'full'``, in order."""
    return list(STUDIES[study](sources))


def _small(sources: Sources) -> Iterator[Step]:
    """The small study: heads on frozen maps, Figure 6, and whole networks at 192 px."""
    seeds = {VOC: range(5), COCO: range(3)}
    for data in sources.roots:
        yield from _frozen(sources, data, seeds[data])
    if VOC in sources.roots:
        yield _heads(sources, f"srdl_plus_{VOC}", PLUS, "srdl_plus", VOC, seeds[VOC])
        yield from _figure6(sources)
        yield from _end_to_end(sources, VOC)


def _full(sources: Sources) -> Iterator[Step]:
    """The paper's Tables 5 and 6 and its Figure 6."""
    for data in sources.roots:
        photographs = (*sources.of_photographs(data), *sources.vectors_of(data))
        once = (*photographs, "--lrs", "1e-5", "--seeds", "0", "1", "2")
        words = ("--configs", *_files(PAPER, data), *once, "--baseline", f"r101_gmp_{data}")
        yield _study(sources, f"paper_{data}", "end_to_end", words)
        yield _context(sources, f"paper_{data}", ["car_r101", "srdl_r101"], "r101_gmp", data)
        words = ("--configs", *_files(["table5/srdl_r101"], data), *once)
        yield _study(sources, f"figure6_{data}", "figure6", words)


STUDIES: dict[str, Callable[[Sources], Iterator[Step]]] = {"small": _small, "full": _full}


def _frozen(sources: Sources, data: str, seeds: Sequence[int]) -> Iterator[Step]:
    yield Study(
        name=f"maps_{data}",
        module="frozen",
        words=("cache", "--config", f"gmp_lite0_{data}", *sources.of_photographs(data)),
        out=Path(sources.maps(data)),
    )
    yield _heads(sources, f"frozen_{data}", (*HEADS, DECODER[data]), "gmp", data, seeds)
    systems = ["gap", "csra", "car", "srdl", DECODER[data], "srdl_plus"]
    yield _context(sources, f"frozen_{data}", systems, "gmp", data)


def _heads(
    sources: Sources,
    name: str,
    heads: Sequence[str],
    baseline: str,
    data: str,
    seeds: Sequence[int],
) -> Study:
    """Makes a study of heads on the frozen maps of a data set."""
    words = (
        *("--configs", *_files([f"frozen/{head}" for head in heads], data)),
        *("--data-root", sources.maps(data), *sources.vectors_of(data), *SHORT),
        *("--seeds", *map(str, seeds), "--baseline", f"{baseline}_{data}"),
    )
    return _study(sources, name, "frozen", words, Path(sources.maps(data)))


def _figure6(sources: Sources) -> Iterator[Step]:
    seeds = ("--seeds", "0", "1", "2")
    words = (
        *("--configs", *_files(["frozen/srdl"], VOC), "--data-root", sources.maps(VOC)),
        *(*sources.vectors_of(VOC), *SHORTER, *seeds),
    )
    yield _study(sources, "figure6_frozen", "figure6", words, Path(sources.maps(VOC)))
    # Where a backbone learns, too: a small one.
    scenes = sources.out / "scenes"
    yield Scenes(name="scenes", folder=scenes)
    words = ("--configs", str(CONFIGS / "demo" / "srdl_demo.py"), "--data-root", str(scenes))
    words = (*words, "--lrs", "1", "--relative", *seeds)
    yield _study(sources, "figure6_scenes", "figure6", words, scenes)


def _end_to_end(sources: Sources, data: str) -> Iterator[Step]:
    photographs = sources.of_photographs(data, "train_cfg.max_epochs=4")
    words = (
        *("--configs", *_files(WHOLE, data), *photographs, *sources.vectors_of(data)),
        *("--lrs", "3e-4", "1e-3", "--extend", "1", "--search-epochs", "1"),
        *("--seeds", "0", "1", "2", "--baseline", f"gmp_lite0_{data}"),
    )
    yield _study(sources, f"end_to_end_{data}", "end_to_end", words)
    systems = ["gap_lite0", "csra_lite0", "car_lite0", "srdl_lite0", "srdl_plus_lite0"]
    yield _context(sources, f"end_to_end_{data}", systems, "gmp_lite0", data)


def _study(
    sources: Sources, name: str, module: str, words: Sequence[str], needs: Path | None = None
) -> Study:
    words = ("run", *words, "--processes", str(sources.processes))
    return Study(name=name, module=module, words=words, out=sources.out / name, needs=needs)


def _context(
    sources: Sources, study: str, systems: Sequence[str], baseline: str, data: str
) -> Context:
    """Makes the step of a study; sizes are those of VOC's boxes."""
    photographs = f"gmp_lite0_{data}" if "r101" not in baseline else f"r101_gmp_{data}"
    options = dict(pair.split("=", 1) for pair in sources.settings.get(data, ()))
    cfg = load_config(photographs, data_root=sources.roots[data], cfg_options=options)
    training = cfg.train_dataloader.dataset
    root = Path(sources.roots[data])
    if data == VOC:
        lists = root / "ImageSets" / "Main"
        own = ["--train", str(lists / f"{training.split}.txt")]
        own += ["--boxes", str(lists / f"{cfg.val_dataloader.dataset.split}.txt")]
        own += ["--area-bounds", "0.03", "0.2"]
    else:
        own = ["--train", str(root / training.ann_file)]
    return Context(
        name=f"context_{study}",
        out=sources.out / study,
        form="experiments.frozen.table" if "frozen" in study else "experiments.end_to_end.table",
        systems=tuple(f"{system}_{data}" for system in systems),
        baseline=f"{baseline}_{data}",
        options=tuple(own),
    )


def _files(names: Sequence[str], data: str) -> list[str]:
    return [str(CONFIGS / f"{name}_{data}.py") for name in names]
