import sys

import pytest
import torch
from torch.testing import assert_close

from benchmarks import complexity, head_overhead, ops, scaling, systems
from mmsrdl.ops import backend

DEMO = "configs/demo/srdl_demo.py"


@pytest.fixture
def demo() -> systems.System:
    return systems.build(DEMO, batch=2, size=96, num_classes=5)


def test_same_seed_same_system(demo: systems.System) -> None:
    again = systems.build(DEMO, batch=2, size=96, num_classes=5)
    assert_close(demo.infer(), again.infer(), rtol=0, atol=0)
    assert demo.infer().shape == (2, 5)


def test_features_have_the_statistics_of_the_images(demo: systems.System) -> None:
    demo.infer()
    (feature,) = demo.model.extract_feat(demo.images)
    assert 0.1 < feature.std() < 10


def test_training_step_erases_and_learns(demo: systems.System) -> None:
    assert demo.model.head.erasing is not None
    before = demo.model.head.classifier.weight.clone()
    demo.train_step()
    assert (demo.model.head.classifier.weight != before).any()
    assert demo.model.training
    demo.infer()
    assert not demo.model.training


def test_backend_and_autocast_of_a_call(demo: systems.System) -> None:
    demo.backend, demo.dtype = "plain", torch.bfloat16
    with demo.contexts():
        assert backend.takes_plain_form()
        assert torch.is_autocast_enabled("cpu")
    assert not backend.takes_plain_form()


def test_every_setup_has_a_config() -> None:
    for name in systems.SETUPS:
        _, cfg = systems.load(name, 7)
        assert cfg.model.head.num_classes == 7
        assert cfg.model.backbone.init_cfg is None


def test_no_erasing_at_inference() -> None:
    args = head_overhead.parse([])
    assert "car+oe" in head_overhead.heads_of(args, "training", 1)
    assert "addgcn" not in head_overhead.heads_of(args, "training", 1)
    assert "addgcn" in head_overhead.heads_of(args, "training", 2)
    assert "car+oe" not in head_overhead.heads_of(args, "inference", 1)


def test_baseline_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        head_overhead.parse(["--heads", "car"])
    assert "must hold 'linear'" in capsys.readouterr().err


def test_ops(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = dict(batch=1, side=2, classes=3, channels=8, rounds=1, dtype="fp32")
    monkeypatch.setattr(sys, "argv", ["ops", *(f"--{key}={size}" for key, size in sizes.items())])
    monkeypatch.setattr("benchmarks.harness.gc.collect", lambda: 0)
    monkeypatch.setattr(ops.Ceiling, "__init__", lambda self, device: vars(self).update(
        bandwidth=1e9, tanh=1e9, madd=1e9))  # fmt: skip
    ops.main()
    lines = capsys.readouterr().out.splitlines()
    assert sum("gated score" in line for line in lines) == 6
    assert sum("attended max pool" in line for line in lines) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "options"),
    [
        (head_overhead, "--batch 1 --size 64 --rounds 1 --dtype fp32 bf16"),
        (scaling, "--batch 1 --classes 20 --sizes 64 --steps 1"),
    ],
)
def test_whole_benchmark(
    module, options: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [module.__name__, *options.split()])
    module.main()
    assert "car+oe" in capsys.readouterr().out


def test_multiply_adds_and_parameters_of_a_small_system(demo: systems.System) -> None:
    positions, classes, channels, hidden, embed = 12 * 12, 5, 64, 32, 64
    linear = systems.build("configs/demo/gmp_demo.py", batch=2, size=96, num_classes=classes)
    head = (positions + 1) * channels * hidden + classes * hidden * channels  # f_sa, f_ca, f_c
    head += 2 * positions * classes * hidden  # Eq. (5)
    head += 2 * positions * classes * channels  # Eq. (6)
    extra = complexity.count_macs(demo) - complexity.count_macs(linear)
    # The linear classifiers are a sum and a matrix product; only the latter is counted.
    assert extra == head - classes * channels
    graph = classes * embed + classes**2 + 2 * embed * embed
    attention = embed * hidden + 2 * channels * hidden + hidden + 1 + hidden * channels + channels
    classifier = classes * (channels + 1)
    assert complexity.count_parameters(demo, "head") == graph + attention + classifier
