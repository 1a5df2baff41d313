"""Writes a trained model as an ONNX file, checked against onnxruntime."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict

from mmsrdl.apis import load_config, load_model
from mmsrdl.apis.export import ExportReport, export_onnx, require_onnx
from mmsrdl.apis.resize_rule import resize_rule
from mmsrdl.cli.common import CONFIGS
from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.evaluation.thresholds import Thresholds

EXAMPLES = """\
  mmsrdl export srdl_r101_voc07 best.pth --out model.onnx
  mmsrdl export my_config.py best.pth --out model.onnx --thresholds thresholds.json
  mmsrdl export srdl_swin_t_coco best.pth --out model.onnx --static
  mmsrdl export sigrl_config.py best.pth --out model.onnx --static --classes "red kite" snow
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    parser.epilog = f"{CONFIGS}\n{parser.epilog}"
    parser.add_argument("config", help="config file, or the name of a model")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", required=True, metavar="FILE", help="ONNX file to write")
    parser.add_argument(
        "--thresholds", metavar="FILE", help="file of `mmsrdl thresholds`: adds predictions"
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="NAME",
        help="what the file scores, of a model of open vocabularies (SigRL): any names",
    )
    parser.add_argument("--logits", action="store_true", help="logits in place of probabilities")
    parser.add_argument(
        "--size", type=int, help="side that images are resized to; default: the test pipeline's"
    )
    parser.add_argument(
        "--static", action="store_true", help="fix height and width; the batch is always open"
    )
    parser.add_argument("--opset", type=int, default=17, help="17 (default) to 20")
    parser.add_argument("--no-verify", action="store_true", help="do not compare with the model")
    parser.add_argument("--json", action="store_true", help="report as JSON")
    return parser


def run(args: argparse.Namespace) -> None:
    """Exports."""
    require_onnx()
    thresholds = None if args.thresholds is None else Thresholds.load(args.thresholds)
    with redirect_stdout(sys.stderr):  # where MMEngine's log would be between the results
        cfg = load_config(args.config)
        rule = resize_rule(cfg, args.size)
        model, classes = load_model(cfg, args.checkpoint, classes=args.classes)
        report = export_onnx(
            model,
            classes,
            args.out,
            rule,
            sigmoid=not args.logits,
            thresholds=thresholds,
            opset=args.opset,
            dynamic=not args.static,
            verify=not args.no_verify,
        )
    if args.json:
        print(json.dumps(asdict(report), ensure_ascii=False))
    else:
        _print(report)


def _print(report: ExportReport) -> None:
    resize = report.metadata["input"]["resize"]
    filter_ = "Pillow's" if resize["antialias"] else "OpenCV's"
    height, width = resize["size"]
    lines = [f"{report.file}: {report.bytes / 2**20:.1f} MiB, opset {report.opset}"]
    for word, ends in (("input", report.inputs), ("output", report.outputs)):
        lines += [f"{word:8}{name}: {what}" for name, what in ends.items()]
    lines.append(f"resize  to {height} x {width}, {filter_} {resize['interpolation']} filter")
    if report.error is None:
        lines.append("not compared with the model")
    else:
        shapes = ", ".join("x".join(map(str, shape)) for shape in report.shapes)
        lines.append(f"differs from the model by at most {report.error:.1g}, on images {shapes}")
    print("\n".join(lines))
