"""Predicts which classes images show."""

import argparse
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from mmsrdl.apis import MultiLabelInferencer, Prediction, load_config, write_predictions
from mmsrdl.apis.image_inputs import expand_inputs
from mmsrdl.apis.prediction import Label, prediction_file, write_json_lines
from mmsrdl.cli.common import CONFIGS, KeyValues
from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.visualization import draw_attention_panel, panel_files

EXAMPLES = """\
  mmsrdl infer my_config.py best.pth photo.jpg
  mmsrdl infer my_config.py best.pth photos/ --thresholds thresholds.json --out results.csv
  mmsrdl infer my_config.py best.pth 'photos/**/*.jpg' --classes cat dog --json --skip-broken
  mmsrdl infer sigrl_config.py best.pth photo.jpg --classes "a dog on a sofa" snow --topk 1
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.epilog = f"{CONFIGS}\n{parser.epilog}"
    parser.add_argument("config", help="config file, or the name of a model")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("inputs", nargs="+", help="images, folders of images, globs")
    parser.add_argument("--out", metavar="FILE", help="all scores: a file .jsonl or .csv")
    decision = parser.add_mutually_exclusive_group()
    decision.add_argument(
        "--thr", type=float, help="score from which on a class is predicted (default: the config's)"
    )
    decision.add_argument(
        "--thresholds", metavar="FILE", help="thresholds of classes, from `mmsrdl thresholds`"
    )
    parser.add_argument("--topk", type=int, metavar="K", help="name the K best classes as well")
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="NAME",
        help="only these classes; of a model of open vocabularies (SigRL) any names",
    )
    parser.add_argument("--batch-size", type=int, default=8, help="images a forward pass")
    parser.add_argument("--num-workers", type=int, default=2, help="threads that read images")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    parser.add_argument(
        "--maps", metavar="DIR", help="draw where the best classes are seen: a PNG an image"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines with all scores")
    parser.add_argument(
        "--skip-broken",
        action="store_true",
        help="go on after images that cannot be read; the exit code is then 1",
    )
    parser.add_argument("--cfg-options", nargs="+", action=KeyValues, metavar="KEY=VALUE")
    return parser


def run(args: argparse.Namespace) -> int:
    """Predicts, and returns 1 if images were skipped."""
    if args.out is not None:
        prediction_file(args.out)
    files = [str(path) for path in expand_inputs(args.inputs)]
    with redirect_stdout(sys.stderr):  # where MMEngine's log would be between the results
        inferencer = MultiLabelInferencer(
            load_config(args.config, cfg_options=args.cfg_options),
            args.checkpoint,
            args.device,
            args.thr if args.thresholds is None else args.thresholds,
        )
    new = [name for name in args.classes or () if name not in inferencer.classes]
    if new and inferencer.is_open:  # a slip of the pen would be scored, too
        print(f"not among the model's own classes: {', '.join(new)}", file=sys.stderr)
    predictions: Iterable[Prediction] = inferencer.stream(
        files,
        batch_size=args.batch_size,
        classes=args.classes,
        topk=args.topk,
        maps=args.maps is not None,
        on_error="skip" if args.skip_broken else "raise",
        num_workers=args.num_workers,
    )
    stderr = Console(stderr=True)
    # A bar and lines of JSON on one terminal would overwrite each other.
    hidden = not stderr.is_terminal or (args.json and sys.stdout.isatty())
    predictions = track(predictions, "images", len(files), console=stderr, disable=hidden)
    if args.maps is not None:
        predictions = _drawn(predictions, panel_files(files, args.maps), args.topk or 3)
    if args.json:
        predictions = _printed(predictions)
    table = _table(args.topk)
    skipped: list[Prediction] = []
    predictions = _listed(predictions, table, skipped)
    if args.out is not None:
        write_predictions(predictions, args.out)
    else:
        deque(predictions, maxlen=0)
    if not args.json:
        # A pipe has no width into which the table would have to be broken.
        Console(width=None if sys.stdout.isatty() else 10_000).print(table)
    for prediction in skipped:
        print(f"skipped {prediction.path}: {prediction.error}", file=sys.stderr)
    return 1 if skipped else 0


def _drawn(
    predictions: Iterable[Prediction], files: Iterable[Path], topk: int
) -> Iterator[Prediction]:
    """Draws the maps of the best classes of every image."""
    for prediction, file in zip(predictions, files, strict=True):
        maps, scores = prediction.maps, prediction.scores
        if maps is not None and scores is not None:
            draw_attention_panel(str(prediction.path), maps, scores, prediction.classes, file, topk)
        yield prediction


def _printed(predictions: Iterable[Prediction]) -> Iterator[Prediction]:
    for prediction in predictions:
        write_json_lines([prediction], sys.stdout)
        yield prediction


def _table(topk: int | None) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("image", overflow="fold")
    table.add_column("labels")
    if topk is not None:
        table.add_column(f"best {topk}")
    return table


def _listed(
    predictions: Iterable[Prediction], table: Table, skipped: list[Prediction]
) -> Iterator[Prediction]:
    """Adds a row an image to the table, or the image to those skipped."""
    for prediction in predictions:
        if prediction.error is None:
            cells = [_words(prediction.labels), _words(prediction.topk)]
            table.add_row(Text(str(prediction.path)), *cells[: len(table.columns) - 1])
        else:
            skipped.append(prediction)
        yield prediction


def _words(labels: Iterable[Label]) -> Text:
    return Text(", ".join(f"{label.name} {label.score:.2f}" for label in labels) or "-")
