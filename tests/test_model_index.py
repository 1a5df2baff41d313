"""model-index.yml and its metafile.yml against the configs on the disk."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config
from modelindex.load_model_index import load

from mmsrdl.apis.config import LOADERS, datasets_of

ROOT = Path(__file__).resolve().parents[1]
INDEX = load(str(ROOT / "model-index.yml"))
INDEX.build_models_with_collections()
MODELS = {model.name: model for model in INDEX.models}
UNLISTED = {"_base_", "demo", "frozen", "own"}
"""Parts of configs; toys that nobody would ask for by name, run by tools/demo.py; heads that take
maps, not images; and what configs for data of one's own inherit, which has no classes by itself."""


def test_the_index_is_valid() -> None:
    INDEX.check(silent=True)
    assert not INDEX.check_errors
    for model in INDEX.models:
        assert not model.check_errors
        assert model.in_collection in {collection.name for collection in INDEX.collections}


def test_every_leaf_is_listed_once() -> None:
    listed = sorted(model.config for model in INDEX.models)
    leaves = sorted(
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("configs/*/*.py")
        if path.parent.name not in UNLISTED
    )
    assert listed == leaves
    assert len(MODELS) == len(listed)


@pytest.mark.parametrize("name", MODELS)
def test_entry_says_what_the_config_is(name: str) -> None:
    model = MODELS[name]
    path = ROOT / model.config
    assert path.stem == name == name.lower()  # MMPretrain looks names up in lower case
    assert Path(model.filepath).resolve() == path.with_name("metafile.yml")
    cfg = Config.fromfile(path)
    sets = [each for loader in LOADERS for each in datasets_of(cfg[loader].dataset)]
    kinds = {each.type for each in sets}
    year = re.search(r"voc(\d\d)", name)
    voc = (f"PASCAL VOC 20{year[1]}", f"VOC20{year[1]}") if year else None
    known = {
        "mmsrdl.CocoMultiLabel": ("MS-COCO 2014", "coco"),
        "mmsrdl.NUSWIDE": ("NUS-WIDE", "nuswide"),
    }
    ((data, root),) = {known.get(kind, voc) for kind in kinds}
    assert model.metadata.data["Training Data"] == data
    assert {Path(each.data_root).name for each in sets} == {root}
    assert ("Object Erasing" in model.metadata.data.get("Training Techniques", [])) == (
        "oe" in cfg.default_hooks
    )
    assert (model.in_collection == "SRDL") == (cfg.model.head.type == "mmsrdl.CARHead")


def test_results_are_those_of_the_documentation() -> None:
    text = (ROOT / "docs" / "results.md").read_text()
    table = text[text.index("## VOC07-subset") :]
    results = {name: model.results.data for name, model in MODELS.items() if model.results}
    assert set(results) == {"srdl_lite0_voc07", "gmp_lite0_voc07"}
    for name, entries in results.items():
        method = "SRDL (CAR + OE)" if name.startswith("srdl") else "GMP baseline"
        for seed, entry in enumerate(entries):
            assert entry.dataset.startswith("VOC07-subset")
            assert entry.dataset.endswith(f"seed {seed}")
            figures = " | ".join(f"{entry.metrics[key]:.2f}" for key in ("mAP", "CF1", "OF1"))
            assert f"| {method} | {seed} | {figures} |" in table
