"""Times the metrics of a validation of COCO's size beside other libraries' average precision."""

import argparse
import importlib.util
from collections.abc import Callable, Iterable

import torch
from mmengine.evaluator import BaseMetric
from mmpretrain.evaluation import AveragePrecision
from mmpretrain.evaluation import MultiLabelMetric as TheirMetric
from torch import Tensor

from benchmarks.harness import compare, make_parser, prepare, report, timing_rows
from mmsrdl.evaluation import MultiLabelMetric, average_precision, precision_recall_f1

BATCH = 16
POSITIVES = 0.03
THEIRS = "MMPretrain: AP"


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = make_parser("metric", __doc__)
    parser.add_argument("--images", type=int, default=40137, help="default: COCO 2014's 40137")
    parser.add_argument("--classes", type=int, default=80, help="default: COCO's 80")
    return parser.parse_args()


def draw(images: int, classes: int) -> tuple[Tensor, Tensor]:
    """Scores [N, C] as a trained model's (mAP about 70); targets [N, C] in int8, 3 % positive."""
    targets = (torch.rand(images, classes) < POSITIVES).to(torch.int8)
    scores = torch.sigmoid(1.5 * torch.randn(images, classes) - 4 + 4 * targets)
    return scores, targets


def all_figures(scores: Tensor, targets: Tensor) -> None:
    """AP of every class, and the twelve figures of precision and recall."""
    average_precision(scores, targets)
    precision_recall_f1(scores, targets, 0.5)
    precision_recall_f1(scores, targets, 0.5, 3)


def functions(scores: Tensor, targets: Tensor) -> dict[str, Callable[[], object]]:
    """Figures of tensors that lie ready, by library."""
    labels = targets.long()  # as MMPretrain's metric holds them: ours holds bytes
    calls: dict[str, Callable[[], object]] = {
        "mmsrdl: all": lambda: all_figures(scores, targets),
        "mmsrdl: AP": lambda: average_precision(scores, targets),
        "mmsrdl: CP ... OF1": lambda: precision_recall_f1(scores, targets, 0.5),
        "mmsrdl: top-3 CP ... OF1": lambda: precision_recall_f1(scores, targets, 0.5, 3),
        THEIRS: lambda: AveragePrecision.calculate(scores, labels),
    }
    if importlib.util.find_spec("torchmetrics"):
        from torchmetrics.functional.classification import multilabel_average_precision

        classes = scores.shape[1]
        calls["torchmetrics: AP"] = lambda: multilabel_average_precision(scores, labels, classes)
    if importlib.util.find_spec("sklearn"):
        from sklearn.metrics import average_precision_score

        arrays = targets.numpy(), scores.numpy()
        calls["scikit-learn: AP"] = lambda: average_precision_score(*arrays)
    return calls


def evaluation(metrics: Iterable[BaseMetric], batches: list[list[dict]]) -> Callable[[], object]:
    """What a runner does with the metrics of a validation."""
    size = sum(map(len, batches))

    def run() -> None:
        for metric in metrics:
            for batch in batches:
                metric.process(None, batch)
            metric.evaluate(size)

    return run


def evaluations(scores: Tensor, targets: Tensor) -> dict[str, Callable[[], object]]:
    """The whole path of a metric: batches of data samples, collection, figures."""
    rows = zip(scores, targets, range(len(scores)), strict=True)
    samples = [{"pred_score": s, "gt_score": t, "sample_idx": i} for s, t, i in rows]
    batches = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
    ranked = [TheirMetric(topk=3, average=average) for average in ("macro", "micro")]
    thresholded = [TheirMetric(thr=0.5, average=average) for average in ("macro", "micro")]
    return {
        "mmsrdl: all": evaluation([MultiLabelMetric()], batches),
        THEIRS: evaluation([AveragePrecision()], batches),
        "MMPretrain: all": evaluation([AveragePrecision(), *thresholded, *ranked], batches),
    }


def main() -> None:
    """Runs the benchmark."""
    args = parse_args()
    prepare(args)
    scores, targets = draw(args.images, args.classes)
    title = f"Metrics of {args.images} images x {args.classes} classes"
    tables = {
        "Figures of tensors": compare(functions(scores, targets), THEIRS, args.rounds, warmup=1),
        f"Whole evaluation, in batches of {BATCH}": compare(
            evaluations(scores, targets), THEIRS, args.rounds, warmup=1
        ),
    }
    rows = {heading: timing_rows(timings) for heading, timings in tables.items()}
    report(title, rows, args.json, args.seed)


if __name__ == "__main__":
    main()
