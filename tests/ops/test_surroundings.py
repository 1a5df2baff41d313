"""The operators inside what users put around them."""

import io
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.utils import digit_version
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from mmsrdl.models.attention import CARAttention, SVFRAttention
from mmsrdl.ops import attended_max_pool, decouple, gated_score, reweight, use_backend

EXPORTS_PLAIN = digit_version(torch.__version__) >= digit_version("2.7.0")


class Attention(nn.Module):
    """Eqs. (4)-(6) between two layers, as a network has them."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.car = CARAttention(in_channels=8, embed_dims=6, hidden_channels=7)
        self.label = nn.Parameter(torch.randn(classes, 6))
        self.weight = nn.Parameter(torch.randn(classes, 8))

    def forward(self, image: Tensor) -> Tensor:
        maps = self.car(self.conv(image).relu(), self.car.embed_labels(self.label))
        return (self.car.pool(maps) * self.weight).sum(-1)


class Reconstruction(nn.Module):
    """SigRL's graph and feature reconstruction behind a layer."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        graph = dict(type="mmsrdl.GATv2", hidden_channels=6, num_heads=2, dropout=0.0)
        self.svfr = SVFRAttention(in_channels=8, embed_dims=8, graph=graph)
        self.label = nn.Parameter(torch.randn(classes, 8))

    def forward(self, image: Tensor) -> Tensor:
        maps = self.svfr(self.conv(image).relu(), self.svfr.embed_labels(self.label))
        return maps.scores.amax(-1)


@pytest.fixture(params=[Attention, Reconstruction])
def net(request: pytest.FixtureRequest) -> nn.Module:
    return request.param()


@pytest.fixture
def image() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 3, 6, 4)


def gradients(net: nn.Module, output: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(output.square().sum(), [*net.parameters()]))


def test_network_equals_its_plain_form(net: nn.Module, image: Tensor) -> None:
    ours, grads = net(image), gradients(net, net(image))
    with use_backend("plain"):
        theirs = net(image)
        assert_close(ours, theirs)
        assert_close(grads, gradients(net, theirs))


@pytest.mark.parametrize(
    "operator", ["gated_score", "attended_max_pool", "decouple", "reweight", "pair_score"]
)
def test_registration_of_the_operator(operator: str) -> None:
    """PyTorch's own check: schema, shapes without data, autograd, and all under AOT tracing."""
    torch.manual_seed(0)
    if operator == "gated_score":
        position = torch.randn(5, 6).t().requires_grad_()  # not contiguous
        operands: tuple = position, torch.randn(3, 5, requires_grad=True), torch.randn(5)
    elif operator in ("decouple", "reweight"):
        position = torch.randn(2, 5, 6).transpose(1, 2).requires_grad_()
        label = torch.randn(1, 3, 5, requires_grad=True)
        operands = position, label, torch.randn(5, 5, requires_grad=True)
    elif operator == "pair_score":
        node = torch.randn(6, 2, 5, requires_grad=True)
        operands = node, torch.randn(5, requires_grad=True), 0.2
    else:
        feature = torch.randn(2, 5, 6).transpose(1, 2).requires_grad_()
        spatial, channel = torch.rand(2, 6, 3).transpose(1, 2), torch.rand(2, 3, 5)
        operands = feature, spatial.requires_grad_(), channel, 0.5, 0.25, spatial > 0.3, True
    torch.library.opcheck(getattr(torch.ops.mmsrdl, operator).default, operands)


def test_gradient_checkpointing(net: nn.Module, image: Tensor) -> None:
    assert_close(
        gradients(net, checkpoint(net, image, use_reentrant=False)),
        gradients(net, net(image)),
        rtol=0,
        atol=0,
    )


def test_autocast(net: nn.Module, image: Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = net(image)
        grads = gradients(net, low)
    assert_close(low.float(), net(image), rtol=0.05, atol=0.05)
    assert all(grad.dtype == torch.float32 and grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize("training", [True, False])
def test_compiled_whole(training: bool, net: nn.Module, image: Tensor) -> None:
    """fullgraph: the operators break no graph, whatever computes them."""
    torch.compiler.reset()
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    with torch.set_grad_enabled(training):
        ours, theirs = compiled(image), net(image)
    assert_close(ours, theirs)
    if training:
        assert_close(gradients(net, ours), gradients(net, theirs))


@pytest.mark.slow
def test_compiled_by_inductor(net: nn.Module, image: Tensor) -> None:
    torch.compiler.reset()
    compiled = torch.compile(net, fullgraph=True)
    assert_close(compiled(image), net(image))
    assert_close(gradients(net, compiled(image)), gradients(net, net(image)))


@pytest.mark.skipif(not EXPORTS_PLAIN, reason="torch tells of an export from 2.7 on")
def test_exported_program_knows_no_operator_of_ours(net: nn.Module, image: Tensor) -> None:
    batch = torch.export.Dim("batch", max=16)
    with torch.no_grad():
        program = torch.export.export(net, (image,), dynamic_shapes=({0: batch},))
    assert "mmsrdl" not in str(program.graph)
    more = torch.randn(3, 3, 6, 4)
    assert_close(program.module()(more), net(more))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    assert_close(torch.export.load(file).module()(more), net(more))


def test_exported_program_on_request(net: nn.Module, image: Tensor) -> None:
    """What any torch does."""
    with torch.no_grad(), use_backend("plain"):
        program = torch.export.export(net, (image,))
    assert "mmsrdl" not in str(program.graph)
    assert_close(program.module()(image), net(image))


def test_traced(net: nn.Module, image: Tensor) -> None:
    with torch.no_grad():
        traced = torch.jit.trace(net, image)
    assert not [node.kind() for node in traced.inlined_graph.nodes() if "mmsrdl" in node.kind()]
    assert_close(traced(image), net(image))


@pytest.mark.parametrize("dynamo", [False, True])
def test_onnx(dynamo: bool, net: nn.Module, image: Tensor, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if dynamo:
        pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    file = tmp_path / "net.onnx"
    # Before torch 2.7 the operators cannot tell an export from a compilation: it is said to them.
    with nullcontext() if EXPORTS_PLAIN or not dynamo else use_backend("plain"):
        torch.onnx.export(net.eval(), (image,), str(file), dynamo=dynamo)
    assert {node.domain for node in onnx.load(file).graph.node} <= {"", "pkg.onnxscript.torch_lib"}
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    assert_close(torch.from_numpy(found), net(image).detach(), rtol=1e-4, atol=1e-4)


def test_runs_without_its_tensors_data() -> None:
    """Shapes and types on the meta device, as for counting or for building large models."""
    score = gated_score(*(torch.empty(s, device="meta") for s in ((2, 6, 4), (3, 4), (4,))))
    assert (score.shape, score.dtype) == ((2, 6, 3), torch.float32)
    feature = torch.empty(2, 6, 4, device="meta", dtype=torch.bfloat16)
    pooled = attended_max_pool(feature, torch.empty(2, 3, 6, device="meta"), None)
    assert (pooled.shape, pooled.dtype) == ((2, 3, 4), torch.bfloat16)
    operands = feature, *(torch.empty(s, device="meta") for s in ((3, 4), (4, 4)))
    assert (decouple(*operands).shape, decouple(*operands).dtype) == ((2, 3, 4), torch.float32)
    assert (reweight(*operands).shape, reweight(*operands).dtype) == ((2, 6, 4), torch.float32)


@pytest.mark.parametrize("plain", [True, False])
def test_second_derivatives_are_plain_or_refused(plain: bool) -> None:
    feature = torch.rand(1, 3, 4, requires_grad=True)
    label = torch.rand(2, 4, requires_grad=True)

    def twice() -> Tensor:
        spatial = gated_score(feature, label, torch.rand(4)).transpose(1, 2)
        pooled = attended_max_pool(feature, spatial, None)
        (slope,) = torch.autograd.grad(pooled.sum(), feature, create_graph=True)
        return torch.autograd.grad(slope.sum(), label)[0]

    if plain:
        with use_backend("plain"):
            assert twice().abs().sum() > 0
    else:
        with pytest.raises(RuntimeError, match="no autograd formula was registered"):
            twice()


@pytest.mark.parametrize("deterministic", [True, False])
def test_repeats_to_the_bit(deterministic: bool, net: nn.Module, image: Tensor) -> None:
    def run() -> Any:
        return net(image), gradients(net, net(image))

    torch.use_deterministic_algorithms(deterministic)
    try:
        assert_close(run(), run(), rtol=0, atol=0)
    finally:
        torch.use_deterministic_algorithms(False)
