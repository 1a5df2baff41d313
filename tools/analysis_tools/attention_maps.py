"""Draws the paper's Figure 5: images beside the spatial maps of their best classes."""

import argparse

from mmsrdl.apis import attend_images, load_config, load_model
from mmsrdl.cli.common import KeyValues
from mmsrdl.visualization import draw_attention_panel, panel_files


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example: python tools/analysis_tools/attention_maps.py configs/srdl_r101_coco.py "
        "best.pth photo1.jpg photo2.jpg --out-dir figures",
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("images", nargs="+", help="image files")
    parser.add_argument("--out-dir", default="attention_maps", help="folder of the PNG files")
    parser.add_argument("--topk", type=int, default=3, help="how many classes an image")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ...")
    parser.add_argument("--cfg-options", nargs="+", action=KeyValues, metavar="KEY=VALUE")
    return parser.parse_args()


def main() -> None:
    """Draws one panel an image."""
    args = parse_args()
    cfg = load_config(args.config, cfg_options=args.cfg_options)
    model, classes = load_model(cfg, args.checkpoint, args.device)
    results = attend_images(model, cfg, args.images, args.device)
    for result, out_file in zip(results, panel_files(args.images, args.out_dir), strict=True):
        draw_attention_panel(
            result.path, result.spatial, result.scores, classes, out_file, args.topk
        )
        print(f"{result.path}: {out_file}")


if __name__ == "__main__":
    main()
