"""What the documents show, run."""

import json
import re
from pathlib import Path

from mmsrdl.apis import load_config, train
from tests.conftest import write_photos

ROOT = Path(__file__).resolve().parents[1]


def test_config_for_own_data(tmp_path: Path) -> None:
    """docs/data.md's config trains and validates, but for the size of network and images."""
    (block,) = re.findall(
        r"```python\n(# own.py\n.*?)```", (ROOT / "docs/data.md").read_text(), re.S
    )
    (tmp_path / "own.py").write_text(block.replace("mmsrdl::", f"{ROOT}/configs/"))
    write_photos(tmp_path / "images", ["a.jpg", "b.jpg"])
    data = [{"img_path": "a.jpg", "gt_label": [0, 3]}, {"img_path": "b.jpg", "gt_label": [1, 2]}]
    content = {"metainfo": {"classes": ["boat", "car", "dog", "tree"]}, "data_list": data}
    for split in ("train", "val"):
        (tmp_path / f"{split}.json").write_text(json.dumps(content))
    small = {
        "model.backbone.depth": 18, "model.backbone.init_cfg": None,
        "model.head.in_channels": 512, "train_cfg.max_epochs": 1, "log_level": "ERROR",
    }  # fmt: skip
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        small |= {f"{loader}.num_workers": 0, f"{loader}.persistent_workers": False}
    for loader, resize in (("train_dataloader", 3), ("val_dataloader", 1), ("test_dataloader", 1)):
        small[f"{loader}.dataset.pipeline.{resize}.scale"] = (64, 64)
    cfg = load_config(
        str(tmp_path / "own.py"), work_dir=str(tmp_path / "work"), data_root=str(tmp_path),
        cfg_options=small,
    )  # fmt: skip
    train(cfg)
    assert (tmp_path / "work" / "epoch_1.pth").exists()
    assert list((tmp_path / "work").glob("best_mlr_mAP_*.pth"))
