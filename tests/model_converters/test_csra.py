"""Published checkpoints of CSRA, converted: the scores, and what is refused."""

import hashlib
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from mmsrdl.apis import load_config, load_model
from mmsrdl.apis import test as run_test
from mmsrdl.checkpoint import read_checkpoint, trained_classes
from mmsrdl.cli import main
from mmsrdl.datasets.categories import COCO_CATEGORIES, VOC_CATEGORIES
from mmsrdl.model_converters import convert_csra
from tests.model_converters.published import (
    csra_content,
    feature_map,
    one_number,
    save_as_then,
)
from tests.reference import csra as reference

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "model_converters"
NAME = "resnet101_voc07_head1_lam0.1_94.7.pth"


def make_heads(number: int, classes: int = 20) -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(classes, 2048, 1, 1, generator=generator) for _ in range(number)]


def make_content(resnet: nn.Module, heads: int = 1, classes: int = 20) -> dict:
    """Names and shapes as published."""
    return one_number(csra_content(resnet, make_heads(heads, classes)))


@pytest.fixture
def published(resnet: nn.Module, tmp_path: Path) -> Path:
    return save_as_then(make_content(resnet), tmp_path / NAME)


def test_scores_are_those_of_the_published_weights(
    resnet: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = save_as_then(csra_content(resnet, make_heads(1)), tmp_path / NAME)
    target = tmp_path / "csra.pth"
    assert main(["convert", "csra", str(published), str(target)]) == 0
    said = capsys.readouterr().out
    assert f"{target}: 625 entries, 20 classes" in said
    options = "--cfg-options model.head.num_heads=1 model.head.lam=0.1"
    assert f"mmsrdl test csra_r101_voc07 {target} {options}" in said

    model, classes = load_model(load_config("csra_r101_voc07"), str(target))
    assert tuple(classes) == VOC_CATEGORIES
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        feature = feature_map(resnet, images)
        assert feature.std() > 0.01
        some = [0, 7, 19]
        expected = reference.csra(feature, [make_heads(1)[0][some, :, 0, 0]], lam=0.1)
        assert_close(model(images)[:, some], expected, rtol=1e-4, atol=1e-4)


def test_file_says_what_it_was_made_of(published: Path, tmp_path: Path) -> None:
    convert_csra(published).save(tmp_path / "new" / "csra.pth")
    meta = read_checkpoint(tmp_path / "new" / "csra.pth")["meta"]
    assert meta["dataset_meta"]["classes"] == VOC_CATEGORIES
    assert meta["converted_from"] == dict(
        layout="CSRA's released code, ResNet-101",
        file=NAME,
        sha256=hashlib.sha256(published.read_bytes()).hexdigest(),
        options={"model.head.num_heads": 1, "model.head.lam": 0.1},
    )
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["csra.pth"]


def test_another_lambda_is_refused(published: Path, tiny_voc: Path, tmp_path: Path) -> None:
    """Which would give other scores: no entry and no shape tells it."""
    convert_csra(published, lam=0.3).save(tmp_path / "csra.pth")
    options = {"test_dataloader.num_workers": 0, "test_dataloader.persistent_workers": False}
    cfg = load_config("csra_r101_voc07", str(tmp_path), str(tiny_voc), cfg_options=options)
    message = r"model.head.lam=0.3, the config has 0.1; give --cfg-options model.head.lam=0.3"
    for evaluate in (load_model, run_test):
        with pytest.raises(ValueError, match=message):
            evaluate(cfg, str(tmp_path / "csra.pth"))
    cfg.model.head.lam = 0.3
    load_model(cfg, str(tmp_path / "csra.pth"))


def test_tool(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "csra.pth"
    monkeypatch.setattr(sys, "argv", ["csra_to_mmsrdl.py", str(published), str(target)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOLS / "csra_to_mmsrdl.py"), run_name="__main__")
    assert end.value.code == 0
    assert trained_classes(read_checkpoint(target)) == VOC_CATEGORIES


def test_published_file_is_not_overwritten(published: Path) -> None:
    before = published.read_bytes()
    with pytest.raises(ValueError, match="is the published checkpoint itself"):
        convert_csra(published).save(published)
    assert published.read_bytes() == before


def test_several_heads_of_coco(resnet: nn.Module, tmp_path: Path) -> None:
    heads = [torch.full((80, 2048, 1, 1), float(h)) for h in range(4)]
    path = save_as_then(one_number(csra_content(resnet, heads)), tmp_path / "mine.pth")
    converted = convert_csra(path, lam=0.5)
    assert converted.classes == COCO_CATEGORIES
    assert converted.model == "csra_r101_coco"
    assert converted.options == {"model.head.num_heads": 4, "model.head.lam": 0.5}
    for h, head in enumerate(heads):
        assert_close(converted.state_dict[f"head.csra_heads.{h}.head.weight"], head)


def test_other_classes(resnet: nn.Module, tmp_path: Path) -> None:
    path = save_as_then(make_content(resnet, classes=2), tmp_path / "a_lam0.3.pth")
    with pytest.raises(ValueError, match=r"has 2 classes.*--classes FILE"):
        convert_csra(path)
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    converted = convert_csra(path, classes=str(names))
    assert (converted.classes, converted.model) == (("cat", "dog"), None)
    names.write_text("cat\n")
    with pytest.raises(ValueError, match="has 1 names but the checkpoint 2 classes"):
        convert_csra(path, classes=str(names))


def without(content: dict, *endings: str) -> dict:
    return {name: entry for name, entry in content.items() if not name.endswith(endings)}


WRONG = {
    "it has no entry classifier.multi_head.0.head.weight": lambda c: without(c, "head.weight"),
    "1 entries are missing, such as conv1.weight": lambda c: without(c, "module.conv1.weight"),
    "1 entries are unexpected, such as extra": lambda c: c | {"extra": torch.zeros(2)},
    "bn1.bias is [3], not [64]": lambda c: c | {"module.bn1.bias": torch.zeros(3)},
    "classifier.multi_head.0.head.weight is [20, 8], not [20, 2048, 1, 1]": lambda c: (
        c | {"module.classifier.multi_head.0.head.weight": torch.zeros(20, 8)}
    ),
    "classifier.multi_head.0.head.weight is [], not [1, 2048, 1, 1]": lambda c: (
        c | {"module.classifier.multi_head.0.head.weight": torch.tensor(1.0)}
    ),
    "it has the heads [0, 2]": lambda c: (
        c | {"module.classifier.multi_head.2.head.weight": torch.zeros(20, 2048, 1, 1)}
    ),
    "'pos_embed' says that it is a vision transformer's": lambda c: {"pos_embed": torch.zeros(1)},
    "'head1.weight' says that it is one of CSRA's vision transformers": lambda c: {
        "head1.weight": torch.zeros(1)
    },
    "MMPretrain's or mmsrdl's already; use it as it is": lambda c: {
        "head.csra_heads.0.head.weight": torch.zeros(1)
    },
}


@pytest.mark.parametrize("message", WRONG)
def test_another_file(message: str, resnet: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / NAME
    torch.save(WRONG[message](make_content(resnet)), path)
    with pytest.raises(ValueError, match=f"is no ResNet-101 of CSRA.*{re.escape(message)}"):
        convert_csra(path)


def test_linear_layer_of_imagenet_is_left_out(resnet: nn.Module, tmp_path: Path) -> None:
    content = make_content(resnet) | {"module.fc.weight": torch.zeros(1000, 2048)}
    torch.save(content, tmp_path / NAME)
    assert not any(".fc." in name for name in convert_csra(tmp_path / NAME).state_dict)


@pytest.mark.parametrize(
    ("name", "lam", "message"),
    [("mine.pth", None, "give it with --lam"), ("lam0.pth", None, "lam=0"), (NAME, -1.0, "lam=-1")],
)
def test_lambda(
    name: str, lam: float | None, message: str, published: Path, tmp_path: Path
) -> None:
    published.rename(tmp_path / name)
    with pytest.raises(ValueError, match=message):
        convert_csra(tmp_path / name, lam=lam)


class Payload:
    """Is pickled as a call."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple:
        return Path.touch, (Path(self.mark),)


def test_payload_is_refused(
    resnet: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = make_content(resnet) | {"note": Payload(tmp_path / "ran")}
    save_as_then(content, tmp_path / NAME)
    with pytest.raises(SystemExit) as end:
        main(["convert", "csra", str(tmp_path / NAME), str(tmp_path / "out.pth")])
    assert end.value.code == 2
    assert "holds more than data and is refused" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out.pth").exists()
    torch.load(tmp_path / NAME, "cpu", weights_only=False)
    assert (tmp_path / "ran").exists()  # the payload is live
