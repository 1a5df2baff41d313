from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.end_to_end.job import Job
from mmsrdl.datasets.demo_scenes import CLASSES
from tests.conftest import write_tiny_coco

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images in each split, with the demo's classes and names."""
    return write_tiny_coco(tmp_path_factory.mktemp("scenes"), CLASSES)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """SRDL on the demo scenes, for three epochs of two iterations."""
    path = tmp_path / "tiny.py"
    path.write_text(
        f"_base_ = {str(CONFIGS / 'demo' / 'srdl_demo.py')!r}\n"
        "train_cfg = dict(max_epochs=3, val_interval=1)\n"
        "param_scheduler = [dict(type='ConstantLR', factor=0.5, end=1)]\n"
        "train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)\n"
        "val_dataloader = dict(num_workers=0, persistent_workers=False)\n"
    )
    return path


@pytest.fixture
def make_job(config: Path, scenes: Path, tmp_path: Path) -> Callable[..., Job]:
    """Makes a final training of the config."""

    def make(**fields: Any) -> Job:
        content = dict(stage="final", lr=1e-3, seed=0, out=str(tmp_path / "out"))
        return Job(**{"config": str(config), "data_root": str(scenes), **content, **fields})

    return make
