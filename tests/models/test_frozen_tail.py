"""Distillation from the last blocks of the published image encoder."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.model_converters import convert_clip
from mmsrdl.model_converters.clip import clip_config
from mmsrdl.models import FrozenTail
from mmsrdl.registry import MODELS
from tests.model_converters.clip_weights import GRID, OUT, PATCH, image_tokens, make_clip
from tests.models.open_vocabulary import NAMES
from tests.reference import sigrl as ref

IMAGES = torch.randn(3, 3, GRID * PATCH, GRID * PATCH, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Backbone, which trains its last block of two, and neck."""
    folder = tmp_path_factory.mktemp("clip")
    torch.save(make_clip(), folder / "ViT.pt")
    converted = convert_clip(folder / "ViT.pt")
    converted.save(folder / "clip.pth")
    config = clip_config(converted, folder / "clip.pth")
    config["backbone"] |= dict(frozen_stages=1, out_indices=[0, 1])
    return config


def tail_of(parts: dict[str, dict], **options: Any) -> dict:
    checkpoint = parts["backbone"]["init_cfg"]["checkpoint"]
    tail = dict(
        type="mmsrdl.FrozenTail", backbone=parts["backbone"], checkpoint=checkpoint, layers=1
    )
    return tail | options


@pytest.fixture
def model(parts: dict[str, dict]) -> ImageClassifier:
    text = dict(type="mmsrdl.HashEncoder", dims=OUT)
    head = dict(
        type="mmsrdl.SigRLHead",
        in_channels=OUT,
        embedder=dict(classes=list(NAMES), embed_dims=OUT, text=text, prompts=["{}"]),
        attention=dict(type="mmsrdl.PatchScores"),
        classifier=dict(topk=2),
        loss=dict(type="mmsrdl.MultiLabelBCELoss"),
        distillation=tail_of(parts),
    )
    cfg = dict(type="mmpretrain.ImageClassifier", head=head, **copy.deepcopy(parts))
    model = MODELS.build(cfg)
    model.init_weights()
    return model.train()


def losses(model: ImageClassifier) -> dict[str, Tensor]:
    samples = [DataSample().set_gt_score(torch.tensor([1.0, 0, 0, 1])) for _ in IMAGES]
    return model.loss(IMAGES, samples)


def test_teacher_is_the_published_encoder(model: ImageClassifier) -> None:
    tokens, _ = model.extract_feat(IMAGES)
    teacher = model.head.distillation.teach(tokens)
    assert_close(teacher, image_tokens(make_clip(), IMAGES)[:, 0], rtol=1e-4, atol=1e-5)
    assert losses(model)["loss_dist"] < 1e-6  # both start alike


def test_loss_after_training(model: ImageClassifier) -> None:
    """The student moves, and the teacher does not."""
    teacher = copy.deepcopy(model.head.distillation.state_dict())
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.05)
    for _ in range(2):
        optimizer.zero_grad()
        sum(value for key, value in losses(model).items() if key.startswith("loss")).backward()
        optimizer.step()
    assert all(torch.equal(v, teacher[k]) for k, v in model.head.distillation.state_dict().items())
    state = make_clip()
    found = losses(model)["loss_dist"]
    with torch.no_grad():
        student = model.extract_feat(IMAGES)[-1][:, 0]
        expected = (student - image_tokens(state, IMAGES)[:, 0]).abs().mean()
    assert expected > 0.01
    assert_close(found.detach(), expected, rtol=1e-4, atol=1e-5)
    found.backward()
    assert model.neck.proj.grad is not None


def test_loss_equals_a_loop(model: ImageClassifier) -> None:
    """Values and gradient in float64, with a student that differs from the teacher."""
    torch.manual_seed(0)
    model.double().eval()
    torch.nn.init.normal_(model.neck.proj)
    feats = model.extract_feat(IMAGES.double())
    scored = model.head.score_images(feats)
    found = model.head.distillation.auxiliary_losses(scored)["loss_dist"]
    expected = ref.distillation(feats[-1][:, 0], model.head.distillation.teach(feats[0]))
    assert_close(found, expected, rtol=1e-10, atol=1e-10)
    mine, theirs = (
        torch.autograd.grad(loss, model.neck.proj, retain_graph=True)[0]
        for loss in (found, expected)
    )
    assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_checkpoint_keeps_the_teacher(model: ImageClassifier, parts: dict[str, dict]) -> None:
    """A resumed run needs the published file no more."""
    names = {name for name in model.state_dict() if name.startswith("head.distillation.")}
    assert "head.distillation.proj" in names
    tail = FrozenTail(**{k: v for k, v in tail_of(parts).items() if k != "type"}, in_channels=OUT)
    prefix = "head.distillation."
    state = model.state_dict()
    tail.load_state_dict({name.removeprefix(prefix): state[name] for name in names})
    tokens, _ = model.extract_feat(IMAGES)
    assert torch.equal(tail.teach(tokens), model.head.distillation.teach(tokens))
    assert not any(p.requires_grad for p in tail.parameters())


def test_loss_weight(model: ImageClassifier) -> None:
    torch.nn.init.ones_(model.neck.proj)
    once = losses(model)["loss_dist"]
    model.head.distillation.loss_weight = 0.5
    assert_close(losses(model)["loss_dist"], once / 2)


def test_trained_blocks_before_the_teacher(model: ImageClassifier) -> None:
    model.backbone.pre_norm.requires_grad_(True)
    with pytest.raises(ValueError, match=r"are trained, so that.*set backbone.frozen_stages=1"):
        losses(model)


def test_stages_that_are_missing(model: ImageClassifier) -> None:
    model.backbone.out_indices = [1]
    with pytest.raises(ValueError, match=r"set backbone.out_indices=\[0, 1\] and out_type='raw'"):
        losses(model)


WRONG = {
    "backbone.frozen_stages=0 leaves more than the last 1": dict(frozen_stages=0),
    "backbone.out_indices=[1, 1] must be [0, 1]": dict(out_indices=[1, 1]),
    "backbone.out_indices=-1 must be [0, 1]": dict(out_indices=-1),
}


@pytest.mark.parametrize("message", WRONG)
def test_backbone_that_does_not_fit(message: str, parts: dict[str, dict]) -> None:
    backbone = parts["backbone"] | WRONG[message]
    with pytest.raises(ValueError, match=re.escape(message)):
        MODELS.build(tail_of(parts, backbone=backbone, in_channels=OUT))


def test_arguments(parts: dict[str, dict]) -> None:
    with pytest.raises(ValueError, match="layers=2 must be below the backbone's number of blocks"):
        MODELS.build(tail_of(parts, in_channels=OUT, layers=2))
    with pytest.raises(ValueError, match="layers=0"):
        MODELS.build(tail_of(parts, in_channels=OUT, layers=0))
    with pytest.raises(ValueError, match="loss_weight=-1"):
        MODELS.build(tail_of(parts, in_channels=OUT, loss_weight=-1))
    for backbone in (dict(type="mmpretrain.ResNet"), 3):
        with pytest.raises(TypeError, match="must be the config of the model's backbone"):
            MODELS.build(tail_of(parts, in_channels=OUT, backbone=backbone))
    with pytest.raises(ValueError, match=r"is not of the config's model"):
        MODELS.build(tail_of(parts, in_channels=OUT + 1)).init_weights()


def test_weights_of_a_deeper_encoder(parts: dict[str, dict], tmp_path: Path) -> None:
    backbone = copy.deepcopy(parts["backbone"])
    backbone["arch"]["num_layers"] = 1
    content = torch.load(backbone["init_cfg"]["checkpoint"], weights_only=True)
    block = {k: v for k, v in content["state_dict"].items() if ".layers.1." in k}
    content["state_dict"] |= {k.replace(".1.", ".2.", 1): v for k, v in block.items()}
    torch.save(content, tmp_path / "deep.pth")
    tail = MODELS.build(tail_of(parts, in_channels=OUT, checkpoint=str(tmp_path / "deep.pth")))
    with pytest.raises(ValueError, match="has more blocks than the 2 of the backbone"):
        tail.init_weights()
