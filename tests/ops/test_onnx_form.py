from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmsrdl.models.attention import CARAttention, SVFRAttention
from mmsrdl.ops import backend
from mmsrdl.ops.onnx_form import define_operators, operator_nodes

onnx = pytest.importorskip("onnx", reason="the extra export is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra export is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the exporter


class Pooled(nn.Module):
    """Class features from a map."""

    def __init__(self, **branches: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention = CARAttention(6, 4, hidden_channels=5, **branches)
        self.register_buffer("labels", 3 * torch.randn(7, 5))

    def forward(self, feature: Tensor) -> Tensor:
        return self.attention.pool(self.attention(feature, self.labels))


def export(net: nn.Module, file: Path, opset: int) -> Any:
    axes = {"map": {0: "N", 2: "H", 3: "W"}}
    with torch.no_grad(), operator_nodes(opset):
        torch.onnx.export(
            net.eval(), (torch.rand(2, 6, 3, 4),), str(file), input_names=["map"],
            dynamic_axes=axes, opset_version=opset, dynamo=False, custom_opsets={"mmsrdl": 1},
        )  # fmt: skip
    return define_operators(onnx.load(file))


BRANCHES = [{}, {"use_channel": False}, {"use_spatial": False}, {"weights": (0.2, 0.7)}]


@pytest.mark.parametrize("opset", [17, 20])
@pytest.mark.parametrize("branches", BRANCHES)
def test_equals_the_operators_at_every_size(branches: dict, opset: int, tmp_path: Path) -> None:
    net = Pooled(**branches)
    graph = export(net, tmp_path / "net.onnx", opset)
    assert {node.domain for node in graph.graph.node} == {""}
    assert [entry.domain for entry in graph.opset_import] == [""]
    assert not graph.functions
    scans = [node for node in graph.graph.node if node.op_type == "Scan"]
    assert len(scans) == (1 if branches.get("use_spatial") is False else 2)
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    for shape in ((2, 6, 3, 4), (1, 6, 1, 1), (5, 6, 7, 2)):
        image = 2 * torch.randn(shape)
        with torch.no_grad():
            expected = net(image).numpy()
        (found,) = session.run(None, {"map": image.numpy()})
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_no_tensor_of_all_classes_and_positions(tmp_path: Path) -> None:
    """Positions x classes x channels, of which there are 12 x 7 x 5 and 12 x 7 x 6."""
    graph = export(Pooled(), tmp_path / "net.onnx", 17)
    inferred = onnx.shape_inference.infer_shapes(graph)
    ranks = [len(value.type.tensor_type.shape.dim) for value in inferred.graph.value_info]
    assert max(ranks) == 3
    outer = {node.op_type for node in graph.graph.node}
    assert "GlobalMaxPool" not in outer  # it is inside the loops


class Reconstructed(nn.Module):
    """SVFR over constant labels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention = SVFRAttention(6, 6, graph=None)
        with torch.no_grad():
            self.labels = self.attention.embed_labels(torch.randn(7, 6))

    def forward(self, feature: Tensor) -> Tensor:
        return self.attention(feature, self.labels).scores


@pytest.mark.parametrize("opset", [17, 20])
def test_softmaxes_over_positions_at_every_size(opset: int, tmp_path: Path) -> None:
    net = Reconstructed()
    graph = export(net, tmp_path / "net.onnx", opset)
    assert {node.domain for node in graph.graph.node} == {""}
    scans = [node for node in graph.graph.node if node.op_type == "Scan"]
    assert len(scans) == 2
    onnx.checker.check_model(graph, full_check=True)
    assert "Softmax" not in {node.op_type for node in graph.graph.node}  # it is inside the loops
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    for shape in ((2, 6, 3, 4), (1, 6, 1, 1), (5, 6, 7, 2)):
        image = 2 * torch.randn(shape)
        with torch.no_grad():
            expected = net(image).numpy()
        (found,) = session.run(None, {"map": image.numpy()})
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_context_is_left_behind() -> None:
    with operator_nodes(17):
        assert not backend.takes_plain_form()
        with backend.use_backend("plain"):
            assert backend.takes_plain_form()
    assert not backend._whole


def test_a_graph_without_operators_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.onnx"
    torch.onnx.export(nn.Linear(2, 2), (torch.zeros(1, 2),), str(file), dynamo=False)
    graph = onnx.load(file)
    assert define_operators(graph) is graph
