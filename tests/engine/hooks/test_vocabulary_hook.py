import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch.testing import assert_close

from mmsrdl import apis
from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.datasets.npz import read_npz
from mmsrdl.models import SigRLHead
from tests.models.open_vocabulary import make_model
from tests.small_run import BY_EPOCH, CLASSES, EPOCHS
from tests.small_run import make_config as make_small_config

OTHER = ["kite", "dog", "boat", "bird"]
INDEPENDENT = dict(
    attention=dict(type="mmsrdl.SVFRAttention", context="trained"),
    classifier=dict(topk=4, normalise="cosine"),
)


@pytest.fixture
def other(seven: Path, tmp_path: Path) -> str:
    """The seven images with labels of which two are those of the training."""
    data = [{"img_path": f"{i}.jpg", "gt_label": [i % 4]} for i in range(7)]
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"metainfo": {"classes": OTHER}, "data_list": data}))
    return str(path)


def make_config(root: Path, work_dir: Path, test_file: str = "ann.json", **head: Any) -> Config:
    cfg = make_small_config(root, work_dir, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.model = make_model(CLASSES, **head)
    cfg.default_hooks.pop("oe")
    cfg.custom_hooks = [dict(type="EMAHook", momentum=0.1)]
    cfg.val_dataloader.dataset.ann_file = test_file
    cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, dict()
    cfg.test_evaluator = cfg.val_evaluator
    return cfg


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The vocabularies of forward passes."""
    found: list[tuple[str, ...]] = []
    score = SigRLHead.score

    def noted(head: SigRLHead, *args: Any) -> Any:
        found.append(head.classes)
        return score(head, *args)

    monkeypatch.setattr(SigRLHead, "score", noted)
    return found


def test_training_and_validation_have_labels_of_their_own(
    seven: Path, other: str, tmp_path: Path, asked: list
) -> None:
    model = apis.train(make_config(seven, tmp_path, other))
    assert asked == [tuple(CLASSES)] * 4 + [tuple(OTHER)] * 4
    assert model.head.classes == model.head.trained_classes == tuple(CLASSES)
    assert model.head.num_classes == 3
    content = read_checkpoint(tmp_path / "epoch_1.pth")
    assert content["meta"]["dataset_meta"]["classes"] == tuple(CLASSES)
    assert not any("embedder" in key for key in content["state_dict"])


def scores_of(cfg: Config, checkpoint: str, out: Path) -> dict[str, Any]:
    apis.test(cfg, checkpoint, str(out))
    names, scores = read_npz(out, ("names", "scores"), "file")
    return {name: torch.from_numpy(scores[:, i]) for i, name in enumerate(names.tolist())}


@pytest.mark.parametrize("in_config", [CLASSES, CLASSES[::-1], ["dog", "sun"]])
def test_shared_labels_score_the_same_in_another_vocabulary(
    in_config: Sequence[str], seven: Path, other: str, tmp_path: Path, asked: list
) -> None:
    """Must show 4, from checkpoint to file: whatever labels the config of the test names."""
    apis.train(make_config(seven, tmp_path / "run", **INDEPENDENT))
    checkpoint = str(tmp_path / "run" / "epoch_1.pth")
    own = scores_of(make_config(seven, tmp_path, **INDEPENDENT), checkpoint, tmp_path / "own.npz")
    asked.clear()
    cfg = make_config(seven, tmp_path, other, **INDEPENDENT)
    cfg.model.head.embedder.classes = list(in_config)
    new = scores_of(cfg, checkpoint, tmp_path / "new.npz")
    assert asked == [tuple(OTHER)] * 4
    assert list(own) == CLASSES
    assert list(new) == OTHER
    for name in ("dog", "boat"):
        assert_close(new[name], own[name], rtol=1e-6, atol=1e-6)
    assert not torch.allclose(new["kite"], new["bird"])


def test_label_without_a_vector(seven: Path, other: str, tmp_path: Path) -> None:
    from mmsrdl.models.embedders import LabelVectors

    file = tmp_path / "vectors.npz"
    LabelVectors(tuple(CLASSES), torch.randn(3, 6).numpy(), "words", "words").save(file)
    cfg = make_config(seven, tmp_path, other)
    cfg.model.head.embedder.update(text=None, word_vectors=str(file))
    with pytest.raises(ValueError, match=r"has no vector for 'kite', 'bird' \(2 of 4 names\)"):
        apis.train(cfg)


def test_unseen_label_without_a_vector(seven: Path, tmp_path: Path) -> None:
    from mmsrdl.models.embedders import LabelVectors

    file = tmp_path / "vectors.npz"
    LabelVectors(tuple(CLASSES), torch.randn(3, 6).numpy(), "words", "words").save(file)
    cfg = make_config(seven, tmp_path, zsl_vocabulary=["dog", "kite"])
    cfg.model.head.embedder.update(text=None, word_vectors=str(file))
    with pytest.raises(ValueError, match=r"has no vector for 'kite' \(1 of 2 names\)"):
        apis.train(cfg)
    assert not list(tmp_path.glob("**/*.pth"))


def test_unseen_labels_in_another_order(
    seven: Path, other: str, tmp_path: Path, asked: list
) -> None:
    """Figures of kites would be those of birds; said before the training, not after it."""
    cfg = make_config(seven, tmp_path, other, zsl_vocabulary=["kite", "bird"])
    cfg.val_evaluator = dict(type="mmsrdl.OpenVocabularyMetric", unseen=["bird", "kite"], k=[1])
    cfg.default_hooks.checkpoint.save_best = None
    with pytest.raises(ValueError, match=r"number 0 is 'kite' in the head's .* and 'bird' in the"):
        apis.train(cfg)
    assert not asked
    cfg.val_evaluator.unseen.reverse()
    apis.train(cfg)
    assert asked[-2:] == [tuple(OTHER), ("kite", "bird")]


@pytest.mark.parametrize("enter", ["test", "load_model", "resume"])
def test_label_vectors_of_another_kind(enter: str, seven: Path, tmp_path: Path) -> None:
    """Vectors of the same size under the same names would give figures, and no error."""
    apis.train(make_config(seven, tmp_path / "run"))
    checkpoint = str(tmp_path / "run" / "epoch_1.pth")
    assert read_checkpoint(checkpoint)["meta"]["label_vectors"] == "hash {}"
    cfg = make_config(seven, tmp_path / "next")
    cfg.model.head.embedder.prompts = ["a {}"]
    functions = {"test": apis.test, "load_model": apis.load_model, "resume": resume}
    with pytest.raises(ValueError, match=r"vectors of another source, 'hash \{\}' against 'h"):
        functions[enter](cfg, checkpoint)


def test_without_the_hook_the_classes_must_agree(seven: Path, other: str, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, other)
    cfg.default_hooks.vocabulary = None
    with pytest.raises(ValueError, match=r"do not have the same classes: 4 against 3 classes"):
        apis.train(cfg)


def resume(cfg: Config, checkpoint: str) -> None:
    cfg.train_cfg.max_epochs = 2
    apis.train(cfg, resume=checkpoint)


def begin_from(cfg: Config, checkpoint: str) -> None:
    cfg.load_from = checkpoint
    apis.train(cfg)


@pytest.mark.parametrize("enter", [resume, begin_from])
def test_training_goes_on_with_other_labels_only_from_the_start(
    enter: Callable, seven: Path, tmp_path: Path
) -> None:
    apis.train(make_config(seven, tmp_path / "run", **INDEPENDENT))
    cfg = make_config(seven, tmp_path / "next", **INDEPENDENT)
    cfg.train_dataloader.dataset.metainfo = dict(classes=CLASSES[::-1])
    checkpoint = str(tmp_path / "run" / "epoch_1.pth")
    if enter is begin_from:
        enter(cfg, checkpoint)
        names = read_checkpoint(tmp_path / "next" / "epoch_1.pth")["meta"]["dataset_meta"]
        assert names["classes"] == tuple(CLASSES[::-1])
        return
    with pytest.raises(ValueError, match="was trained on other classes than those of train_data"):
        enter(cfg, checkpoint)
