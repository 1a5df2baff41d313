"""The operators in ONNX: a ``Scan`` over the classes.

As formulas they would store images x classes x positions x channels, and ONNX has no operator of
ours. A ``Scan`` needs the images x positions x channels of one class at a time, and leaves batch,
height and width open.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.onnx.symbolic_helper import parse_args

from mmsrdl.ops.backend import whole_operators

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["define_operators", "operator_nodes"]

DOMAIN = "mmsrdl"

# In onnxruntime Gemm with one row takes a seventh of the time of MatMul with a vector.
GATED_SCORE = """
GatedScore (position, label, weight) => (score) {
  zero = Constant <value_ints = [0]> ()
  row = Unsqueeze (weight, zero)
  by_class = Scan <num_scan_inputs = 1, body = one_class (float[D] u) => (float[R] s) {
    argument = Mul (position, u)
    gate = Tanh (argument)
    product = Gemm <transB = 1> (row, gate)
    s = Squeeze (product, zero)
  }> (label)
  score = Transpose <perm = [1, 0]> (by_class)
}
"""
# Channels lie before positions, for GlobalMaxPool. SA and CA come with their weights.
BOTH_BRANCHES = """
AttendedMaxPool (feature, spatial, channel) => (pooled) {
  map = Transpose <perm = [0, 2, 1]> (feature)
  middle = Constant <value_ints = [1]> ()
  last = Constant <value_ints = [2]> ()
  pooled = Scan <num_scan_inputs = 2, scan_input_axes = [1, 1], scan_output_axes = [1],
                 body = one_class (float[N, P] sa, float[N, D] ca) => (float[N, D] f) {
    row = Unsqueeze (sa, middle)
    column = Unsqueeze (ca, last)
    gate = Add (row, column)
    attended = Mul (map, gate)
    peak = GlobalMaxPool (attended)
    f = Squeeze (peak, last)
  }> (spatial, channel)
}
"""
ONE_BRANCH = """
{name} (feature, maps) => (pooled) {{
  map = Transpose <perm = [0, 2, 1]> (feature)
  axis = Constant <value_ints = [{axis}]> ()
  last = Constant <value_ints = [2]> ()
  pooled = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1],
                 body = one_class (float[N, K] a) => (float[N, D] f) {{
    gate = Unsqueeze (a, axis)
    attended = Mul (map, gate)
    peak = GlobalMaxPool (attended)
    f = Squeeze (peak, last)
  }}> (maps)
}}
"""
# Labels come as [N, C, D], or [1, C, D] for all images.
DECOUPLE = """
Decouple (position, label, weight) => (s) {
  transposed = Transpose <perm = [1, 0]> (weight)
  middle = Constant <value_ints = [1]> ()
  s = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1],
            body = one_class (float[M, D] u) => (float[N, D] mean) {
    row = Unsqueeze (u, middle)
    argument = Mul (position, row)
    gate = Tanh (argument)
    logit = MatMul (gate, transposed)
    share = Softmax <axis = 1> (logit)
    weighted = Mul (share, position)
    mean = ReduceSum <keepdims = 0> (weighted, middle)
  }> (label)
}
"""
REWEIGHT = """
Reweight (position, label, weight) => (total) {
  transposed = Transpose <perm = [1, 0]> (weight)
  middle = Constant <value_ints = [1]> ()
  shape = Shape (position)
  zeros = ConstantOfShape (shape)
  total = Scan <num_scan_inputs = 1, scan_input_axes = [1],
                body = one_class (float[N, P, D] before, float[M, D] u) => (float[N, P, D] after) {
    row = Unsqueeze (u, middle)
    argument = Mul (position, row)
    gate = Tanh (argument)
    logit = MatMul (gate, transposed)
    share = Softmax <axis = 1> (logit)
    after = Add (before, share)
  }> (zeros, label)
}
"""
FUNCTIONS = {
    "Decouple": DECOUPLE,
    "Reweight": REWEIGHT,
    "GatedScore": GATED_SCORE,
    "AttendedMaxPool": BOTH_BRANCHES,
    "SpatialMaxPool": ONE_BRANCH.format(name="SpatialMaxPool", axis=1),
    "ChannelMaxPool": ONE_BRANCH.format(name="ChannelMaxPool", axis=2),
}


@contextmanager
def operator_nodes(opset: int) -> Iterator[None]:
    """Lets the TorchScript exporter write each operator as a node of the domain ``mmsrdl``.

    Such a graph is finished by :func:`define_operators`.

    Args:
        opset: Version of ONNX's operators, at least 16.
    """
    symbols: dict[str, Callable[..., Any]] = {
        "mmsrdl::gated_score": _gated_score,
        "mmsrdl::attended_max_pool": _max_pool,
        "mmsrdl::decouple": _decouple,
        "mmsrdl::reweight": _reweight,
    }
    for name, symbol in symbols.items():
        torch.onnx.register_custom_op_symbolic(name, symbol, opset)
    try:
        with whole_operators():
            yield
    finally:
        for name in symbols:
            torch.onnx.unregister_custom_op_symbolic(name, opset)


def _gated_score(g: Any, position: Any, label: Any, weight: Any) -> Any:
    score = g.op(f"{DOMAIN}::GatedScore", position, label, weight)
    score.setType(position.type().with_sizes([None, None]))  # the exporter warns otherwise
    return score


def _decouple(g: Any, position: Any, label: Any, weight: Any) -> Any:
    return _of_map(g, "Decouple", position, label, weight)


def _reweight(g: Any, position: Any, label: Any, weight: Any) -> Any:
    return _of_map(g, "Reweight", position, label, weight)


def _of_map(g: Any, name: str, position: Any, label: Any, weight: Any) -> Any:
    result = g.op(f"{DOMAIN}::{name}", position, label, weight)
    result.setType(position.type().with_sizes([None, None, None]))
    return result


@parse_args("v", "v", "v", "f", "f", "v", "b")
def _max_pool(
    g: Any, feature: Any, spatial: Any, channel: Any, w_s: float, w_c: float, *_: Any
) -> tuple[Any, Any]:
    given = {
        name: g.op("Mul", value, g.op("Constant", value_t=torch.tensor(weight)))
        for name, value, weight in (("Spatial", spatial, w_s), ("Channel", channel, w_c))
        if not value.node().mustBeNone()
    }
    name = "Attended" if len(given) == 2 else next(iter(given))
    pooled = g.op(f"{DOMAIN}::{name}MaxPool", feature, *given.values())
    pooled.setType(feature.type().with_sizes([None, None, None]))
    return pooled, pooled  # where the maxima are is not wanted: nothing reads the second


def define_operators(model: "ModelProto") -> "ModelProto":
    """Replaces the nodes of the domain ``mmsrdl`` by ONNX's own operators.

    Args:
        model: What was exported under :func:`operator_nodes`.

    Returns:
        The same function of standard operators alone.
    """
    from onnx import inliner, parser

    used = {node.op_type for node in model.graph.node if node.domain == DOMAIN}
    if not used:
        return model
    (opset,) = (entry.version for entry in model.opset_import if not entry.domain)
    header = f'<domain: "{DOMAIN}", opset_import: ["" : {opset}]>'
    model.functions.extend(parser.parse_function(header + FUNCTIONS[name]) for name in sorted(used))
    inlined = inliner.inline_local_functions(model)
    own = [entry for entry in inlined.opset_import if entry.domain == DOMAIN]
    for entry in own:
        inlined.opset_import.remove(entry)
    return inlined
