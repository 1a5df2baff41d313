from pathlib import Path

import pytest
import torch

from mmsrdl.apis import load_model
from mmsrdl.datasets import VOC_CATEGORIES
from tests.apis.tiny_model import make_config, write_checkpoint


def test_model_carries_config_and_names(tiny_voc: Path, tmp_path: Path) -> None:
    cfg = make_config("car", tiny_voc, tmp_path)
    model, classes = load_model(cfg, write_checkpoint(cfg, tmp_path / "a.pth"))
    assert not model.training
    assert classes == list(VOC_CATEGORIES)
    assert model._config is cfg
    assert model._dataset_meta == {"classes": VOC_CATEGORIES}


def test_another_models_checkpoint(tiny_voc: Path, tmp_path: Path) -> None:
    cfg = make_config("car", tiny_voc, tmp_path)
    checkpoint = write_checkpoint(cfg, tmp_path / "a.pth")
    cfg.model.head.classifier = "shared"
    with pytest.raises(ValueError, match=r"(?s)is not of the config's model: .*classifier.weight"):
        load_model(cfg, checkpoint)


def test_names_that_contradict(tiny_voc: Path, tmp_path: Path) -> None:
    cfg = make_config("linear", tiny_voc, tmp_path)
    checkpoint = write_checkpoint(cfg, tmp_path / "a.pth")
    names = [*VOC_CATEGORIES[:-1], "tv"]
    with pytest.raises(ValueError, match=r"of the argument classes: class 19 is 'tvmonitor' again"):
        load_model(cfg, checkpoint, classes=names)
    assert load_model(cfg, checkpoint, classes=VOC_CATEGORIES)[1] == list(VOC_CATEGORIES)
    content = torch.load(checkpoint, weights_only=True)
    torch.save(content["state_dict"], checkpoint)
    with pytest.raises(ValueError, match=r"names no classes; .*give the names as classes=\[...\]"):
        load_model(cfg, checkpoint)
    assert load_model(cfg, checkpoint, classes=names)[1] == names
    cfg = make_config("car", tiny_voc, tmp_path)
    checkpoint = write_checkpoint(cfg, tmp_path / "b.pth")
    cfg.model.head.embedder = dict(
        type="mmsrdl.GCNLabelEmbedder", classes=names, embed_dims=6
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"model.head.embedder: class 19 is 'tvmonitor' against"):
        load_model(cfg, checkpoint)
