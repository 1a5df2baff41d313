import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch.testing import assert_close

from mmsrdl.apis import test as evaluate
from mmsrdl.apis import train
from mmsrdl.datasets import MultiLabelDataset, conditional_probability, cooccurrence_matrix
from tests.small_run import BY_EPOCH, CLASSES, EPOCHS, make_config

HOOK = "mmsrdl.engine.hooks.cooccurrence_hook"
ONE = {**EPOCHS, "max_epochs": 1}


def graph_config(root: Path, work_dir: Path, **embedder: Any) -> Config:
    """A run whose graph is counted and not learned, so that its last value is its first."""
    cfg = make_config(root, work_dir, ONE, BY_EPOCH)
    graph = dict(adjacency="cooccurrence", learn_adjacency=False, **embedder)
    cfg.model.head.embedder.update(graph)
    cfg.default_hooks.cooccurrence = dict(type="mmsrdl.CooccurrenceHook")
    return cfg


@pytest.fixture
def expected(seven: Path) -> torch.Tensor:
    counts = cooccurrence_matrix(MultiLabelDataset(data_root=str(seven), ann_file="ann.json"))
    assert len(counts.positive.unique()) > 2
    return conditional_probability(counts)


def saved(work_dir: Path, name: str = "epoch_1.pth") -> dict:
    return torch.load(work_dir / name, weights_only=False)


KEY = "head.embedder.adjacency"


def test_the_training_set_is_counted(seven: Path, tmp_path: Path, expected: torch.Tensor) -> None:
    cfg = graph_config(seven, tmp_path)
    train(cfg)
    checkpoint = saved(tmp_path)
    assert_close(checkpoint["state_dict"][KEY], expected)
    assert_close(checkpoint["ema_state_dict"][f"module.{KEY}"], expected)
    # Evaluation needs no training set.
    cfg = graph_config(seven, tmp_path)
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.test_cfg, cfg.load_from = dict(), str(tmp_path / "epoch_1.pth")
    evaluate(cfg, cfg.load_from)


LABELS = {
    # Of a dog nothing is known, and beside a car nothing of a boat.
    "entries": [([0], [2]), ([], [2]), ([1], [0, 2]), ([0], [1, 2])],
    "positives": [([0], [1, 2]), ([1], [0, 2]), ([], [0, 1, 2]), ([0], [1, 2])],
}
GRAPHS: dict[str, dict[str, Any]] = {
    "GCNLabelEmbedder": dict(embedder=dict(learn_adjacency=True)),
    "MLGCNLabelEmbedder": dict(
        embedder=dict(
            _delete_=True, type="mmsrdl.MLGCNLabelEmbedder", classes=CLASSES, embed_dims=4,
            hidden_dims=(5, 4),
        )
    ),
    "GGNN": dict(relation=dict(type="mmsrdl.GGNN")),
    "PredictionGCN": dict(relation=dict(type="mmsrdl.PredictionGCN", hidden_dims=(5, 4))),
}  # fmt: skip


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("labels", LABELS)
def test_a_class_without_a_known_positive_is_named_and_harmless(
    seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: str, graph: str
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(f"{HOOK}.print_log", lambda text, **_: lines.append(text))
    data = [
        {"img_path": f"{i}.jpg", "gt_label": positive, "gt_label_difficult": unknown}
        for i, (positive, unknown) in enumerate(LABELS[labels])
    ]
    content = {"metainfo": {"classes": CLASSES}, "data_list": data}
    (tmp_path / "hidden.json").write_text(json.dumps(content))
    cfg = graph_config(seven, tmp_path)
    cfg.model.head.merge(Config(GRAPHS[graph]).to_dict())
    cfg.train_dataloader.dataset.ann_file = str(tmp_path / "hidden.json")
    train(cfg)
    unnamed = [line for line in lines if "no known positive" in line]
    assert unnamed == [
        "training set: 1 of 3 classes have no known positive, and so no neighbours in the label "
        "graph: ['dog']"
    ]
    assumed = [line for line in lines if "no known negative" in line]
    assert len(assumed) == len(lines) - 1 == 1
    names = {"entries": ["boat"], "positives": ["boat", "car"]}[labels]
    assert assumed[0].endswith(f"a lower bound: {names}")
    state = saved(tmp_path)["state_dict"]
    assert all(value.isfinite().all() for value in state.values())
    adjacencies = [value for key, value in state.items() if key.endswith("adjacency")]
    assert adjacencies
    if graph != "GCNLabelEmbedder":  # which learns it
        off = torch.ones(3, 3) - torch.eye(3)
        assert all((a * off)[2].eq(0).all() and (a * off)[:, 2].eq(0).all() for a in adjacencies)


def test_all_known_labels_need_no_warning(
    seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(f"{HOOK}.print_log", lambda text, **_: lines.append(text))
    train(graph_config(seven, tmp_path))
    assert lines == []


def test_a_loaded_checkpoint_keeps_its_graph(seven: Path, tmp_path: Path) -> None:
    train(graph_config(seven, tmp_path / "first"))
    path = tmp_path / "other.pth"
    checkpoint = saved(tmp_path / "first")
    checkpoint["state_dict"][KEY].fill_(0.5)
    checkpoint.pop("ema_state_dict")
    torch.save(checkpoint, path)
    cfg = graph_config(seven, tmp_path / "second")
    cfg.load_from = str(path)
    train(cfg)
    assert_close(saved(tmp_path / "second")["state_dict"][KEY], torch.full((3, 3), 0.5))


def test_without_the_hook_the_error_names_it(seven: Path, tmp_path: Path) -> None:
    cfg = graph_config(seven, tmp_path)
    cfg.default_hooks.cooccurrence = None
    with pytest.raises(RuntimeError, match=r"never made of label counts.*mmsrdl.CooccurrenceHook"):
        train(cfg)


def test_wrapped_data_sets(seven: Path, tmp_path: Path, expected: torch.Tensor) -> None:
    cfg = graph_config(seven, tmp_path)
    inner = dict(type="RepeatDataset", times=2, dataset=cfg.train_dataloader.dataset)
    cfg.train_dataloader.dataset = dict(type="ConcatDataset", datasets=[inner, inner])
    train(cfg)
    assert_close(saved(tmp_path)["state_dict"][KEY], expected)


def test_parts_of_other_classes_are_refused(seven: Path, tmp_path: Path) -> None:
    cfg = graph_config(seven, tmp_path)
    cfg.model.head.embedder.classes = [*CLASSES[:2], "cat"]
    cfg.default_hooks.data_guard = None
    with pytest.raises(ValueError, match=r"training set has no counts of the classes \['cat'\]"):
        train(cfg)
