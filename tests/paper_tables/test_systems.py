import pytest

from mmsrdl.apis import load_config
from mmsrdl.paper_tables.published import DATA, SYSTEMS
from mmsrdl.paper_tables.systems import describe_model, leaf_config, match_system
from tests.paper_tables.fake_runs import CONFIGS


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_leaf_config_is_its_own_system(system: str, data: str) -> None:
    leaf = leaf_config(system, data)
    assert leaf.is_file()
    match = match_system(load_config(str(leaf)), data)
    assert (match.system, match.differences) == (system, {})


@pytest.mark.parametrize(
    ("config", "system", "differences"),
    [
        ("srdl_r101_voc07", "Ours", {}),
        ("lite0/srdl_lite0_voc07", "Ours", {}),
        ("lite0/gmp_lite0_voc07", "ResNet-101, GMP", {}),
        ("relatives/srdl_r101_voc07_layer4", "Ours", {"head.avg_pool": (2, 1)}),
    ],
)
def test_backbone_and_recipe_make_no_other_system(
    config: str, system: str, differences: dict
) -> None:
    match = match_system(load_config(str(CONFIGS / f"{config}.py")), "voc07")
    assert (match.system, match.differences) == (system, differences)


@pytest.mark.parametrize(
    ("options", "system", "names"),
    [
        ({"default_hooks.oe": None}, "Ours CAR", []),
        ({"default_hooks.oe.topk": 7}, "Ours", ["oe.topk"]),
        ({"model.head.attention.weights": [0.7, 0.3]}, "Ours", ["head.attention.weights"]),
        ({"default_hooks.oe": None, "model.head.embedder.num_layers": 0}, "Ours CAR w/o GCN", []),
        ({"model.head.embedder.word_vectors": None}, "Ours", ["head.embedder.word_vectors"]),
        ({"model.head.embedder.word_vectors": "elsewhere.npz"}, "Ours", []),
        ({"model.head.embedder.type": "GCNLabelEmbedder"}, "Ours", []),
        ({"model.head.loss": {"type": "AsymmetricLoss"}}, None, []),
    ],
)
def test_settings_decide(options: dict, system: str | None, names: list[str]) -> None:
    path = str(CONFIGS / "table5" / "srdl_r101_coco.py")
    match = match_system(load_config(path, cfg_options=options), "coco")
    assert match.system == system
    assert list(match.differences) == names


def test_other_parts_are_named() -> None:
    cfg = load_config(str(CONFIGS / "mixin" / "csra_r101_voc07_oe.py"))
    assert "CSRAClsHead" in match_system(cfg, "voc07").reason


def test_between_two_systems_none_is_chosen() -> None:
    options = {"use_spatial": False, "use_channel": False}  # nearer to both ablations than to CAR
    cfg = load_config(
        str(CONFIGS / "table5" / "car_r101_coco.py"),
        cfg_options={f"model.head.attention.{name}": value for name, value in options.items()},
    )
    match = match_system(cfg, "coco")
    assert match.system is None
    assert "Ours CAR w/o CA and Ours CAR w/o SA" in match.reason


def test_open_settings_have_their_defaults() -> None:
    cfg = load_config(str(CONFIGS / "lite0" / "srdl_lite0_voc07.py"))
    described = describe_model(cfg)
    assert described["head.attention.type"] == "CARAttention"
    assert described["head.attention.weights"] == (0.5, 0.5)
    assert described["head.loss.reduction"] == "batchmean"
    assert described["oe.topk"] == 3
    assert not [name for name in described if name.endswith(("num_classes", "in_channels"))]
