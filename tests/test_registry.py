"""Names without a prefix mean the same in the scopes mmsrdl and mmpretrain."""

from collections.abc import Iterator
from pathlib import Path

import mmengine.registry
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain import registry as theirs

from mmsrdl import registry as ours

ROOT = Path(__file__).resolve().parents[1]
KINDS = [name for name in theirs.__all__ if name != "BATCH_AUGMENTS"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_registry_of_mmpretrain_has_a_sibling_of_ours(kind: str) -> None:
    root = getattr(mmengine.registry, kind.replace("EVALUATORS", "EVALUATOR"))
    assert root.children["mmsrdl"].scope == "mmsrdl"
    with DefaultScope.overwrite_default_scope("mmsrdl"), root.switch_scope_and_registry(None) as it:
        assert it is root.children["mmsrdl"]


def types_of(cfg: object) -> Iterator[str]:
    if isinstance(cfg, dict):
        if isinstance(cfg.get("type"), str):
            yield cfg["type"]
        cfg = list(cfg.values())
    if isinstance(cfg, list | tuple):
        for each in cfg:
            yield from types_of(each)


def test_models_of_the_configs_are_the_same_in_both_scopes() -> None:
    names = set()
    for path in ROOT.glob("configs/table5/*.py"):
        names |= set(types_of(Config.fromfile(path).model)) - {"Pretrained"}
    assert {"ImageClassifier", "ResNet", "mmsrdl.CARHead"} <= names
    for name in names:
        assert ours.MODELS.get(name) is theirs.MODELS.get(name) is not None


def test_our_own_names_go_first() -> None:
    assert ours.METRICS.get("MultiLabelMetric").__module__.startswith("mmsrdl.")
    assert theirs.METRICS.get("MultiLabelMetric").__module__.startswith("mmpretrain.")
    assert ours.METRICS.get("mmpretrain.MultiLabelMetric") is theirs.METRICS.get("MultiLabelMetric")
    assert ours.TRANSFORMS.get("MultiScaleCrop").__module__.startswith("mmsrdl.")


def test_unknown_name() -> None:
    with pytest.raises(KeyError, match="CARHaed is not in the mmsrdl::model registry"):
        ours.MODELS.build(dict(type="CARHaed", _scope_="mmsrdl"))


def test_collate_takes_the_scope_that_inheritance_adds() -> None:
    collate = mmengine.registry.FUNCTIONS.get("mmsrdl.default_collate")
    batch = collate([dict(inputs=torch.zeros(3)), dict(inputs=torch.ones(3))], _scope_="mmsrdl")
    assert batch["inputs"].shape == (2, 3)
