"""Serves a page in the browser: drop an image, see its labels and where they are seen."""

import argparse

from mmsrdl.apis import MultiLabelInferencer, load_config
from mmsrdl.apis.page import serve_page
from mmsrdl.cli.common import KeyValues
from mmsrdl.cli.common import make_parser as new_parser

EXAMPLES = """\
  mmsrdl serve my_config.py work_dirs/my_config/epoch_8.pth
  mmsrdl serve my_config.py best.pth --thresholds thresholds.json --port 8000
"""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = new_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("config", help="config file, or the name of a model")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--thresholds", metavar="FILE", help="of `mmsrdl thresholds`")
    parser.add_argument("--thr", type=float, help="one threshold for all, where the slider begins")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ...; a GPU if there is one")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets every machine of the network in (127.0.0.1)",
    )
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (7860)")
    parser.add_argument(
        "--max-megabytes", type=float, default=10, help="largest image file taken (10)"
    )
    parser.add_argument(
        "--max-megapixels", type=float, default=50, help="largest image decoded (50)"
    )
    parser.add_argument("--cfg-options", nargs="+", action=KeyValues, metavar="KEY=VALUE")
    return parser


def run(args: argparse.Namespace) -> None:
    """Serves until it is interrupted."""
    if args.thr is not None and args.thresholds is not None:
        raise ValueError(f"--thr {args.thr} and --thresholds {args.thresholds}: give one of them")
    cfg = load_config(args.config, cfg_options=args.cfg_options)
    inferencer = MultiLabelInferencer(
        cfg, args.checkpoint, args.device, args.thr if args.thresholds is None else args.thresholds
    )
    if args.host not in LOOPBACK:
        print(f"mmsrdl serve: --host {args.host} lets other machines send images, with no password")
    serve_page(
        inferencer,
        args.host,
        args.port,
        args.max_megabytes,
        args.max_megapixels,
        announce=lambda address: print(f"{address} (Ctrl-C ends it)", flush=True),
    )
