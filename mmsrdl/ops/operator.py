"""The frame of an operator: what torch has to know of its kernels, results and gradients."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mmsrdl.ops.plain import accumulation_dtype

__all__ = ["define_operator"]


def define_operator(
    name: str,
    arguments: str,
    forward: Callable[..., Tensor],
    backward: Callable[..., tuple[Tensor, ...]],
    shape: Callable[..., Sequence[int]],
    keeps_result: bool = False,
) -> Callable[..., Tensor]:
    """Registers ``mmsrdl::NAME`` and ``mmsrdl::NAME_backward`` with torch.

    Both are one node for ``torch.compile``, autograd and exporters. The result has the type of
    :func:`accumulation_dtype`, gradients that of their argument.

    Args:
        name: NAME.
        arguments: As in torch's schemas, the tensors first: ``'Tensor node, float slope'``.
        forward: Computes the result of the arguments.
        backward: Computes the gradients of all tensors from the result's gradient, from the result
            if it is kept, and from the arguments.
        shape: Gives the result's shape, of the arguments.
        keeps_result: Whether ``backward`` takes the result.

    Returns:
        The operator.
    """
    kinds = [argument.split()[0] for argument in arguments.split(", ")]
    tensors, numbers = kinds.count("Tensor"), len(kinds) - kinds.count("Tensor")
    given = "Tensor grad, Tensor result" if keeps_result else "Tensor grad"
    operator: Any = torch.library.custom_op(
        f"mmsrdl::{name}", forward, mutates_args=(), schema=f"({arguments}) -> Tensor"
    )
    derivative: Any = torch.library.custom_op(
        f"mmsrdl::{name}_backward",
        backward,
        mutates_args=(),
        schema=f"({given}, {arguments}) -> ({', '.join(['Tensor'] * tensors)})",
    )

    @operator.register_fake
    def _(*inputs: Any) -> Tensor:
        wide = accumulation_dtype(*inputs[:tensors])
        return inputs[0].new_empty(shape(*inputs), dtype=wide)

    @derivative.register_fake
    def _(*inputs: Any) -> tuple[Tensor, ...]:
        first = len(inputs) - len(kinds)
        return tuple(t.new_empty(t.shape) for t in inputs[first : first + tensors])

    def setup(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.numbers = inputs[tensors:]
        kept = (output,) if keeps_result else ()
        ctx.save_for_backward(*kept, *inputs[:tensors])

    def differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *derivative(grad, *ctx.saved_tensors, *ctx.numbers), *[None] * numbers

    operator.register_autograd(differentiate, setup_context=setup)
    return operator
