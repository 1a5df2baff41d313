import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.ops import attended_max_pool
from mmsrdl.ops.chunks import CHUNK_ELEMENTS


def make(batch: int = 2, positions: int = 6, dim: int = 5, classes: int = 4) -> dict[str, Tensor]:
    torch.manual_seed(0)
    values = dict(
        feature=torch.randn(batch, positions, dim, dtype=torch.float64),
        spatial=torch.rand(batch, classes, positions, dtype=torch.float64),
        channel=torch.rand(batch, classes, dim, dtype=torch.float64),
    )
    return {name: value.requires_grad_() for name, value in values.items()}


def plain(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    weights: tuple[float, float] = (0.5, 0.5),
    keep: Tensor | None = None,
) -> Tensor:
    gate = 0
    if spatial is not None:
        gate = gate + weights[0] * spatial[..., None]
    if channel is not None:
        gate = gate + weights[1] * channel[:, :, None]
    if keep is not None:
        gate = gate * keep[..., None]
    return (feature[:, None] * gate).amax(2)


@pytest.mark.parametrize("without", [(), ("spatial",), ("channel",)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("budget", [1, 1 << 19])
def test_equals_plain_form(
    without: tuple, masked: bool, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHUNK_ELEMENTS, "cpu", budget)
    inputs: dict = {**make(), **dict.fromkeys(without)}
    torch.manual_seed(1)
    keep = torch.rand(2, 4, 6) < 0.7 if masked else None
    ours = attended_max_pool(**inputs, weights=(0.3, 0.9), keep=keep)
    theirs = plain(**inputs, weights=(0.3, 0.9), keep=keep)
    assert_close(ours, theirs)
    wanted = [value for value in inputs.values() if value is not None]
    grad = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, wanted, grad),
        torch.autograd.grad(theirs, wanted, grad),
        strict=True,
    ):
        assert_close(a, b)


def test_gradcheck() -> None:
    assert torch.autograd.gradcheck(lambda f, s, c: attended_max_pool(f, s, c), (*make().values(),))


def test_gradient_of_equal_maxima_goes_to_the_first() -> None:
    feature = torch.ones(1, 3, 1, requires_grad=True)
    attended_max_pool(feature, None, torch.ones(1, 1, 1), (1.0, 1.0)).sum().backward()
    assert_close(feature.grad[0, :, 0], torch.tensor([1.0, 0.0, 0.0]))


def test_no_large_tensor_is_kept_for_the_backward_pass() -> None:
    inputs, kept = make(2, 50, 16, 20), []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        attended_max_pool(**inputs)
    assert max(kept) <= 2 * 20 * 50  # [B, C, P] or [B, C, D], not [B, C, P, D]


def test_both_attentions_missing() -> None:
    with pytest.raises(ValueError, match="`spatial` or `channel`"):
        attended_max_pool(torch.zeros(1, 2, 3), None, None)


def test_wrong_shapes() -> None:
    with pytest.raises(ValueError, match=r"`spatial` must be \[1, C, 2\]"):
        attended_max_pool(torch.zeros(1, 2, 3), torch.zeros(1, 4, 5), None)


@pytest.mark.parametrize("name", ["channel", "keep"])
def test_different_numbers_of_classes(name: str) -> None:
    inputs = {**make(classes=4), "keep": torch.ones(2, 4, 6)}
    inputs[name] = inputs[name][:, :1]
    with pytest.raises(ValueError, match=rf"`{name}` must be .* one C for all \(here 4\), got"):
        attended_max_pool(**inputs)


def test_no_position() -> None:
    with pytest.raises(ValueError, match=r"at least one position P, got \[2, 0, 5\]"):
        attended_max_pool(torch.zeros(2, 0, 5), torch.zeros(2, 4, 0), None)


def test_no_image() -> None:
    inputs = make(batch=0)
    pooled = attended_max_pool(**inputs)
    assert pooled.shape == (0, 4, 5)
    pooled.sum().backward()
    assert all(value.grad is not None for value in inputs.values())
