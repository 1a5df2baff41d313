"""Weights of positions by the softmaxes of all classes, without a [B, P, C, D] tensor."""

from torch import Tensor

from mmsrdl.ops import plain, position_softmax
from mmsrdl.ops.decouple import per_image
from mmsrdl.ops.operator import define_operator


def reweight(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    r"""Weighs every channel of every position by what all classes see in it.

    .. math::
        G_{b,p} = \sum_c \mathrm{softmax}_p(W \tanh(P_{b,p} \odot u_{b,c}))

    The second half of SigRL's semantic visual feature reconstruction, as in its public code; the
    reconstructed feature is :math:`P \odot G`. Over the positions G sums to C, so its mean is
    C / P. For memory see :func:`mmsrdl.ops.decouple`.

    Args:
        position: P, [B, P, D]; B may be 0.
        label: u, [C, D] for all images, or [B, C, D].
        weight: W, [D, D].

    Returns:
        G, [B, P, D]; float32, or float64 if an argument is.

    Raises:
        ValueError: If the shapes do not agree, or the devices differ.
    """
    return per_image(_reweight, plain.reweight, position, label, weight)


_reweight = define_operator(
    "reweight",
    "Tensor position, Tensor label, Tensor weight",
    position_softmax.reweight_forward,
    position_softmax.reweight_backward,
    lambda position, label, weight: position.shape,
)
