"""Counts label co-occurrence on a config's training set, for adjacency='cooccurrence'."""

import argparse

from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

from mmsrdl.apis import load_config
from mmsrdl.apis.config import datasets_of
from mmsrdl.cli.common import KeyValues
from mmsrdl.datasets import cooccurrence_matrix, save_cooccurrence


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("--out", required=True, metavar="FILE", help="npz file to write")
    parser.add_argument("--data-root", metavar="DIR", help="folder of the config's data sets")
    parser.add_argument("--cfg-options", nargs="+", action=KeyValues, metavar="KEY=VALUE")
    return parser.parse_args()


def main() -> None:
    """Counts and writes."""
    args = parse_args()
    cfg = load_config(args.config, data_root=args.data_root, cfg_options=args.cfg_options)
    for inner in datasets_of(cfg.train_dataloader.dataset):
        inner.pipeline = []  # no image is read
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope", "mmpretrain")):
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
    save_cooccurrence(args.out, dataset.metainfo["classes"], cooccurrence_matrix(dataset))
    print(args.out)


if __name__ == "__main__":
    main()
