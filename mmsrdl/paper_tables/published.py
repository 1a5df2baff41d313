"""The tables of SRDL's paper as they are printed, and the systems of this project beside them.

Source of the figures: SRDL (Pu et al.), Tables 1, 2, 4, 5 and 6. Table 3 holds inference times,
which no work directory knows; ``python -m benchmarks.head_overhead`` measures times. The values of
Figure 6 are only drawn, so the paper gives none to stand beside ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "BACKBONE", "DATA", "METRICS", "OURS", "PROTOCOL", "SIZE", "SWEEPS", "SYSTEMS", "TABLES",
    "Column", "Data", "OwnFigure", "PaperTable", "Row", "Sweep", "System",
]  # fmt: skip


@dataclass(frozen=True)
class Data:
    """A data set of the paper.

    Attributes:
        name: In the tables.
        train: Its training images.
        test: The images that figures are of.
        images: How many those are.
    """

    name: str
    train: str
    test: str
    images: int


DATA: Mapping[str, Data] = {
    "coco": Data("MS-COCO", "instances_train2014", "instances_val2014", 40137),
    "voc07": Data("VOC 2007", "trainval", "test", 4952),
}
"""Data sets, by the ending of their leaf configs."""

METRICS = ("mAP", "CP", "CR", "CF1", "OP", "OR", "OF1")
OURS = "Ours"
BACKBONE, SIZE, PROTOCOL = "ResNet-101", "448", "paper"


@dataclass(frozen=True)
class OwnFigure:
    """A figure from outside SRDL's paper, under conditions of its own.

    Attributes:
        value: In percent.
        source: Whose it is, and its conditions.
    """

    value: float
    source: str


@dataclass(frozen=True)
class System:
    """A system that this project builds.

    Attributes:
        config: Its leaf config below ``configs/``, without ``_coco.py`` or ``_voc07.py``. What
            that config is decides which runs are the system's.
        extra: Whether the paper's tables lack it, so that it stands below them when it was run.
        own: (data set, metric) to a figure from outside SRDL's paper.
    """

    config: str
    extra: bool = False
    own: Mapping[tuple[str, str], OwnFigure] = field(default_factory=dict)


def _maps(source: str, **values: float) -> dict[tuple[str, str], OwnFigure]:
    return {(data, "mAP"): OwnFigure(value, source) for data, value in values.items()}


SYSTEMS: Mapping[str, System] = {
    "ResNet-101": System("table5/r101_gap"),
    "SD": System("ssgrl/sd_r101"),
    "SAM": System("addgcn/sam_r101"),
    "Ours CAR w/o GCN": System("table6/car_wo_gcn_r101"),
    "Ours CAR w/o CA": System("table6/car_wo_ca_r101"),
    "Ours CAR w/o SA": System("table6/car_wo_sa_r101"),
    "Ours CAR": System("table5/car_r101"),
    OURS: System("table5/srdl_r101"),
    "SSGRL": System("ssgrl/ssgrl_r101"),
    "ML-GCN": System("mlgcn/mlgcn_r101"),
    "DSDL": System("dsdl/dsdl_r101"),
    "MCAR (global)": System("mcar/mcar_global_r101"),
    "P-GCN": System("pgcn/pgcn_r101"),
    "ResNet-101, GMP": System(
        "table5/r101_gmp",
        True,
        _maps("ML-GCN's authors, with their recipe: ResNet-101, 448 px", coco=81.9, voc07=93.0),
    ),
    "CSRA": System(
        "csra/csra_r101",
        True,
        _maps("its authors' page: ResNet-101, 448 px", coco=83.3, voc07=94.7),
    ),
    "ASL": System("asl/asl_r101", True, _maps("its authors' page: TResNet-L, 448 px", coco=86.6)),
    "ADD-GCN": System(
        "addgcn/addgcn_r101", True, _maps("its paper: ResNet-101, 448 px", coco=84.2)
    ),
    "MCAR (global + local)": System(
        "mcar/mcar_r101",
        True,
        _maps("its authors' page: ResNet-101, 448 px", coco=83.8, voc07=94.8),
    ),
    "Query2Label": System(
        "q2l/q2l_r101",
        True,
        _maps("its authors' page: ResNet-101, 448 px, interpolated AP", coco=84.9),
    ),
    "ML-Decoder": System(
        "mldecoder/mldecoder_r101", True, _maps("its paper: TResNet-L, 448 px", coco=90.1)
    ),
}
"""Names of the systems, as ``--row`` takes them."""


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Attributes:
        heading: What it is called.
        data: Key of :data:`DATA`.
        metric: One of :data:`METRICS`.
    """

    heading: str
    data: str
    metric: str


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        label: As printed, without the number of the reference.
        facts: The paper's other columns.
        values: The paper's figures, one a column, in percent.
        system: Key of :data:`SYSTEMS`; None where this project does not build it.
    """

    label: str
    facts: tuple[str, ...]
    values: tuple[float, ...]
    system: str | None = None


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper.

    Attributes:
        number: The paper's.
        title: What it shows.
        facts: Headings of the columns that hold no figures of runs.
        columns: The columns of figures.
        rows: The paper's rows.
        with_extras: Whether systems that the paper lacks stand below.
        notes: What a reader of the printed table needs to know.
    """

    number: int
    title: str
    facts: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    with_extras: bool
    notes: tuple[str, ...] = ()


_STAR = "*: in the paper, reproduced with public code."
_MCAR = (
    "MCAR, printed as MACR: the paper compares with its global stream, so ours is the global "
    "stream."
)
_HEADINGS = ("Publication", "Input size", "Backbone")
_R101 = ("448 x 448", "ResNet-101")

_TABLE_1 = PaperTable(
    1,
    "Comparison on MS-COCO",
    _HEADINGS,
    (Column("mAP", "coco", "mAP"),),
    (
        Row("CNN-RNN", ("CVPR 2016", "-", "VGG16"), (61.2,)),
        Row("SRN", ("CVPR 2018", "224 x 224", "ResNet-101"), (77.1,)),
        Row("ACfs", ("CVPR 2019", "228 x 228", "ResNet-101"), (77.5,)),
        Row("ResNet-101", ("", *_R101), (77.1,), "ResNet-101"),
        Row("SSGRL*", ("ICCV 2019", *_R101), (81.9,), "SSGRL"),
        Row("ML-GCN*", ("CVPR 2019", *_R101), (80.9,), "ML-GCN"),
        Row("DSDL", ("AAAI 2021", *_R101), (81.7,), "DSDL"),
        Row("MCAR", ("TIP 2021", *_R101), (81.9,), "MCAR (global)"),
        Row("P-GCN", ("TPAMI 2021", *_R101), (83.2,), "P-GCN"),
        Row(OURS, ("", *_R101), (82.9,), OURS),
    ),
    True,
    (_STAR, _MCAR),
)

_TABLE_2 = PaperTable(
    2,
    "Comparison on MS-COCO in six other metrics",
    ("Publication",),
    tuple(Column(metric, "coco", metric) for metric in METRICS[1:]),
    (
        Row("SRN", ("CVPR 2018",), (81.6, 65.4, 71.2, 82.7, 69.9, 75.8)),
        Row("ACfs", ("CVPR 2019",), (77.4, 68.3, 72.2, 79.8, 73.1, 76.3)),
        Row("ResNet-101", ("",), (72.7, 72.3, 72.5, 77.4, 75.5, 76.5), "ResNet-101"),
        Row("SSGRL*", ("ICCV 2019",), (84.2, 70.3, 76.6, 85.8, 72.4, 78.6), "SSGRL"),
        Row("ML-GCN*", ("CVPR 2019",), (82.5, 69.2, 75.3, 86.0, 72.6, 78.7), "ML-GCN"),
        Row("DSDL", ("AAAI 2021",), (84.1, 70.4, 76.7, 85.1, 73.9, 79.1), "DSDL"),
        Row("P-GCN", ("TPAMI 2021",), (84.9, 72.7, 78.3, 85.0, 76.4, 80.5), "P-GCN"),
        Row(OURS, ("",), (85.4, 70.8, 77.4, 87.1, 74.8, 80.5), OURS),
    ),
    True,
    (_STAR,),
)

_TABLE_4 = PaperTable(
    4,
    "Comparison on PASCAL VOC 2007",
    _HEADINGS,
    (Column("mAP", "voc07", "mAP"),),
    (
        Row("CNN-RNN", ("CVPR 2016", "-", "VGG16"), (84.0,)),
        Row("HCP", ("TPAMI 2015", "-", "VGG16"), (90.9,)),
        Row("RDAL", ("CVPR 2017", "448 x 448", "VGG16"), (91.3,)),
        Row("RARL", ("AAAI 2018", "448 x 448", "VGG16"), (91.3,)),
        Row("ResNet-101", ("", *_R101), (91.8,), "ResNet-101"),
        Row("SSGRL*", ("ICCV 2019", *_R101), (92.8,), "SSGRL"),
        Row("ML-GCN*", ("CVPR 2019", *_R101), (92.0,), "ML-GCN"),
        Row("DSDL", ("AAAI 2021", *_R101), (94.4,), "DSDL"),
        Row("MCAR", ("TIP 2021", *_R101), (93.4,), "MCAR (global)"),
        Row("P-GCN", ("TPAMI 2021", *_R101), (94.3,), "P-GCN"),
        Row("GCN-MS-SGA", ("NEUCOM 2022", *_R101), (94.2,)),
        Row(OURS, ("", *_R101), (94.6,), OURS),
    ),
    True,
    (_STAR, _MCAR),
)

_BOTH = tuple(Column(data.name, key, "mAP") for key, data in DATA.items())

_TABLE_5 = PaperTable(
    5,
    "Ablation of CAR and OE, mAP",
    ("CAR", "OE"),
    _BOTH,
    (
        Row("Baseline", ("", ""), (77.1, 91.8), "ResNet-101"),
        Row("Ours", ("✓", ""), (80.3, 92.4), "Ours CAR"),
        Row("Ours", ("✓", "✓"), (82.9, 94.6), OURS),
    ),
    False,
    ("Baseline: ResNet-101 with global average pooling.",),
)

_TABLE_6 = PaperTable(
    6,
    "Ablation of the attention, mAP",
    (),
    _BOTH,
    (
        Row("Baseline", (), (77.1, 91.8), "ResNet-101"),
        Row("SD", (), (80.1, 92.2), "SD"),
        Row("SAM", (), (79.9, 92.0), "SAM"),
        Row("Ours CAR w/o GCN", (), (78.4, 92.0), "Ours CAR w/o GCN"),
        Row("Ours CAR w/o CA", (), (79.7, 92.1), "Ours CAR w/o CA"),
        Row("Ours CAR w/o SA", (), (79.3, 92.0), "Ours CAR w/o SA"),
        Row("Ours CAR", (), (80.3, 92.4), "Ours CAR"),
    ),
    False,
    ("Ours CAR w/o SA on MS-COCO: 79.3 in the paper's table, 78.9 in its text.",),
)

TABLES = (_TABLE_1, _TABLE_2, _TABLE_4, _TABLE_5, _TABLE_6)


@dataclass(frozen=True)
class Sweep:
    """One of the curves of Figure 6: mAP against a setting of object erasing.

    Attributes:
        setting: Argument of ``mmsrdl.OEErasingHook``.
        symbol: Its name in the paper.
        values: Those of the paper.
    """

    setting: str
    symbol: str
    values: tuple[float, ...]


SWEEPS = (
    Sweep("topk", "K", (1, 2, 3, 4, 5, 6, 7, 8)),
    Sweep("alpha", "alpha", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
)
