import subprocess
import sys

import pytest

LOOK_UP = """
from mmengine.registry import DATA_SAMPLERS, DATASETS, TRANSFORMS, DefaultScope
from mmpretrain.registry import DATASETS as MMPRETRAIN_DATASETS

assert MMPRETRAIN_DATASETS.get("mmsrdl.CocoMultiLabel").__module__ == "mmsrdl.datasets.coco"
with DefaultScope.overwrite_default_scope("{scope}"):
    assert DATASETS.get("mmsrdl.VOCMultiLabel").__module__ == "mmsrdl.datasets.voc"
    crop = TRANSFORMS.build(dict(type="mmsrdl.MultiScaleCrop", sizes=(3,)))
    assert crop.sizes == (3,)
    assert DATA_SAMPLERS.get("mmsrdl.SeededSampler") is not None
"""


@pytest.mark.parametrize("scope", ["mmengine", "mmpretrain"])
def test_types_resolve_without_importing_mmsrdl(scope: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK_UP.format(scope=scope)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
