from typing import Any

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.testing import assert_close

from mmsrdl.apis import class_maps
from mmsrdl.apis.class_maps import map_methods

CLASSES = ["a", "b", "c"]
EMBEDDER = dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=6)
CAR = dict(type="mmsrdl.CARHead", num_classes=3, in_channels=8, embedder=EMBEDDER)
LINEAR = dict(type="MultiLabelLinearClsHead", num_classes=3, in_channels=8)
CSRA = dict(type="CSRAClsHead", num_classes=3, in_channels=8, num_heads=2, lam=0.1)
GAP = dict(type="GlobalAveragePooling")
GMP = dict(type="mmsrdl.GlobalMaxPooling")
GWP = dict(type="mmsrdl.GlobalWeightedPooling")
MODELS_OF = [(CAR, None), (LINEAR, GAP), (LINEAR, GMP), (LINEAR, GWP), (CSRA, None)]


class Maps(nn.Module):
    """A backbone of one convolution: two stages, the last of them [B, 8, H/2, W/2]."""

    def __init__(self, tokens: bool = False, vector: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.tokens, self.vector = tokens, vector

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        feature = self.conv(inputs).tanh()
        if self.vector:
            feature = feature.mean((2, 3))
        if self.tokens:
            feature = feature.flatten(2).transpose(1, 2)
        return inputs, feature


def make_model(head: dict, neck: dict | None, **backbone: Any) -> nn.Module:
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        parts = dict(head=MODELS.build(head), neck=MODELS.build(neck) if neck else None)
        model = MODELS.build(dict(type="ImageClassifier", backbone=Maps(**backbone), **parts))
    for parameter in model.head.parameters():
        nn.init.normal_(parameter)
    return model.eval()


def make_inputs() -> Tensor:
    return torch.randn(2, 3, 8, 10, generator=torch.Generator().manual_seed(1))


def test_attention_is_what_the_head_attends_to() -> None:
    model, inputs = make_model(CAR, None), make_inputs()
    maps = class_maps(model, inputs)
    with torch.no_grad():
        expected = model.head.attend(model.extract_feat(inputs)).spatial_map()
    assert maps.shape == (2, 3, 4, 5)
    assert maps.std() > 0.01
    assert_close(maps, expected, rtol=0, atol=0)


def test_attention_that_sums_to_one_fills_the_range() -> None:
    sd = {**CAR, "type": "mmsrdl.ClassFeatureHead"}
    model = make_model({**sd, "attention": dict(type="mmsrdl.SemanticDecoupling")}, None)
    inputs = make_inputs()
    maps = class_maps(model, inputs)
    with torch.no_grad():
        spatial = model.head.attend(model.extract_feat(inputs)).spatial_map()
    assert_close(spatial.sum((2, 3)), torch.ones(2, 3))
    assert_close(maps.amax((2, 3)), torch.ones(2, 3))
    assert_close(maps * spatial.amax((2, 3), keepdim=True), spatial)


@pytest.mark.parametrize("neck", [GAP, GMP, GWP])
def test_cam_of_a_linear_layer_against_a_loop(neck: dict) -> None:
    model, inputs = make_model(LINEAR, neck), make_inputs()
    maps = class_maps(model, inputs)
    with torch.no_grad():
        feature = model.backbone(inputs)[-1]
        weight = model.head.fc.weight.detach()
    for b in range(2):
        for c in range(3):
            for y in range(4):
                for x in range(5):
                    evidence = sum(float(weight[c, d] * feature[b, d, y, x]) for d in range(8))
                    assert maps[b, c, y, x].item() == pytest.approx(max(evidence, 0), abs=1e-5)
    assert (maps == 0).any()
    assert (maps > 0).any()


def test_cam_of_average_pooling_adds_up_to_the_logit() -> None:
    """Where weights and features are >= 0, its mean is the logit less its bias."""
    model, inputs = make_model(LINEAR, GAP), make_inputs()
    model.backbone.forward = lambda inputs: (inputs, model.backbone.conv(inputs).abs())
    model.head.fc.weight.data.abs_()
    with torch.no_grad():
        logits = model(inputs)
    assert_close(class_maps(model, inputs).mean((2, 3)) + model.head.fc.bias.detach(), logits)


@pytest.mark.parametrize("classifier", ["per_class", "shared", "dictionary"])
def test_cam_of_a_shared_feature_against_its_classifier(classifier: str) -> None:
    """Of a constant map, the evidence anywhere is the logit less its bias."""
    embedder = dict(type="mmsrdl.AutoencoderLabelEmbedder", classes=CLASSES, out_dims=8)
    head = dict(
        type="mmsrdl.ClassFeatureHead", num_classes=3, in_channels=8,
        attention=dict(type="mmsrdl.GlobalPooling"), classifier=classifier,
    )  # fmt: skip
    if classifier == "dictionary":
        head.update(embedder=embedder, classifier=dict(type="mmsrdl.DictionaryClassifier"))
    if classifier == "shared":
        head.update(num_classes=1)
    model = make_model(head, None)
    assert map_methods(model) == ("cam", "gradcam")
    model.backbone.forward = lambda inputs: (inputs[:, :1].expand(-1, 8, -1, -1),)
    column = torch.randn(1, 3, 8, 1)
    with torch.no_grad():
        maps = class_maps(model, column)
        logits = model(column.amax(2, keepdim=True))
        nothing = model(torch.zeros(1, 3, 1, 1))
    peak = column[0, 0, :, 0].argmax()
    assert_close(maps[0, :, peak, 0], (logits - nothing)[0].relu(), rtol=1e-4, atol=1e-5)
    assert maps.std() > 0


def test_cam_of_csra_against_a_loop() -> None:
    model, inputs = make_model(CSRA, None), make_inputs()
    maps = class_maps(model, inputs, method="cam")
    with torch.no_grad():
        feature = model.backbone(inputs)[-1]
    for b, c, y, x in ((0, 0, 0, 0), (1, 2, 3, 4), (0, 1, 2, 3), (1, 0, 1, 1)):
        score = 0.0
        for module in model.head.csra_heads:
            weight = module.head.weight[c, :, 0, 0].detach()
            score += float(weight @ feature[b, :, y, x] / weight.norm())
        assert maps[b, c, y, x].item() == pytest.approx(max(score, 0), abs=1e-5)


def test_gradcam_of_average_pooling_is_cam_up_to_scale() -> None:
    """Of w F / P the derivative is w / P: Grad-CAM generalises CAM (Selvaraju et al., Sec. 3.1)."""
    model, inputs = make_model(LINEAR, GAP), make_inputs()
    gradcam = class_maps(model, inputs, method="gradcam")
    assert_close(20 * gradcam, class_maps(model, inputs, method="cam"))


@pytest.mark.parametrize(("head", "neck"), MODELS_OF)
def test_gradcam_against_autograd(head: dict, neck: dict | None) -> None:
    model, inputs = make_model(head, neck), make_inputs()
    with torch.no_grad():
        maps = class_maps(model, inputs, method="gradcam")
    assert maps.shape == (2, 3, 4, 5)
    assert not maps.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    feature = model.backbone(inputs)[-1].detach()
    for b in range(2):
        for c in range(3):
            one = feature[b : b + 1].clone().requires_grad_()
            logit = model.head(model.neck((one,)) if neck else (one,))[0, c]
            (gradient,) = torch.autograd.grad(logit, one)
            expected = (gradient.mean((2, 3), keepdim=True) * one.detach()).sum(1).relu()
            assert_close(maps[b, c][None], expected)


@pytest.mark.parametrize(("head", "neck"), MODELS_OF)
@pytest.mark.parametrize("method", ["auto", "gradcam"])
def test_chosen_classes(head: dict, neck: dict | None, method: Any) -> None:
    model, inputs = make_model(head, neck), make_inputs()
    every = class_maps(model, inputs, method=method)
    assert every.min() >= 0
    assert_close(class_maps(model, inputs, torch.tensor([2, 0]), method), every[:, [2, 0]])
    each = class_maps(model, inputs, torch.tensor([[1], [2]]), method)
    assert_close(each, torch.stack([every[0, 1:2], every[1, 2:3]]))
    with torch.inference_mode():
        assert_close(class_maps(model, inputs, method=method).clone(), every)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_tokens_are_maps() -> None:
    inputs = make_inputs()[..., :8]
    maps = class_maps(make_model(CAR, None), inputs, method="gradcam")
    tokens = class_maps(make_model(CAR, None, tokens=True), inputs, method="gradcam")
    assert_close(tokens, maps)


def test_pooling_before_the_head_keeps_the_backbones_map() -> None:
    model = make_model({**CAR, "avg_pool": 2}, None)
    assert class_maps(model, make_inputs()).shape == (2, 3, 2, 2)
    assert class_maps(model, make_inputs(), method="gradcam").shape == (2, 3, 4, 5)


def test_what_a_model_offers() -> None:
    offered = [map_methods(make_model(*parts)) for parts in MODELS_OF]
    assert offered == [("attention", "gradcam"), *[("cam", "gradcam")] * 4]
    car = {**CAR, "attention": dict(use_spatial=False)}
    assert map_methods(make_model(car, None)) == ("gradcam",)
    assert map_methods(make_model(LINEAR, None, vector=True)) == ("gradcam",)


def test_mistakes() -> None:
    model, inputs = make_model(LINEAR, GAP), make_inputs()
    with pytest.raises(ValueError, match=r"method='cat' is unknown; use one of \('auto'"):
        class_maps(model, inputs, method="cat")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"'attention' does not fit: .* offers 'cam', 'gradcam'"):
        class_maps(model, inputs, method="attention")
    with pytest.raises(ValueError, match=r"CARHead has no evidence by position, which CSRA"):
        class_maps(make_model(CAR, None), inputs, method="cam")
    with pytest.raises(ValueError, match=r"Maps returns \[2, 8\] and no map"):
        class_maps(make_model(LINEAR, None, vector=True), inputs)
    with pytest.raises(ValueError, match=r"in training mode.*model.eval\(\)"):
        class_maps(make_model(LINEAR, GAP).train(), inputs)
    with pytest.raises(TypeError, match="Linear with the head NoneType is no multi-label"):
        class_maps(nn.Linear(1, 1), inputs)
    softmax = dict(type="LinearClsHead", num_classes=3, in_channels=8)
    with pytest.raises(TypeError, match="the head LinearClsHead is no multi-label"):
        class_maps(make_model(softmax, GAP), inputs)


@pytest.mark.parametrize("method", ["cam", "gradcam"])
def test_wrong_classes(method: Any) -> None:
    model, inputs = make_model(LINEAR, GAP), make_inputs()
    with pytest.raises(TypeError, match=r"must be integers.*got torch.float32"):
        class_maps(model, inputs, torch.zeros(1), method)
    with pytest.raises(ValueError, match=r"must be in \[0, 2\], got \[\[0, 3\], \[0, 3\]\]"):
        class_maps(model, inputs, torch.tensor([0, 3]), method)
    with pytest.raises(ValueError, match=r"B=2 and K >= 1, got \[3, 1\]"):
        class_maps(model, inputs, torch.zeros(3, 1, dtype=torch.long), method)
