"""Graph attention (GATv2) over the complete graph of the labels."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.precision import at_least_float32, full_precision
from mmsrdl.ops import pair_score
from mmsrdl.registry import MODELS

__all__ = ["GATv2", "GATv2Layer"]


class GATv2Layer(nn.Module):
    r"""Lets every label gather from all labels, itself included.

    For each head, with :math:`g = W h` and LeakyReLU :math:`L`,

    .. math::
        e_{ij} = a^\top L(g_i + g_j), \qquad
        \alpha_i = \mathrm{softmax}_j(e_{ij}), \qquad
        h'_i = \sum_j \mathrm{dropout}(\alpha_{ij}) \, g_j

    and the heads are concatenated. Source: Brody et al., ICLR 2022, in the form that SigRL calls:
    source and target have one W, all heads have one a, and there is no bias.

    No tensor [N, N, E] is stored, see :func:`mmsrdl.ops.pair_score`.

    Args:
        in_channels: D of the input.
        out_channels: E, all heads together.
        num_heads: Number of heads, which must divide E.
        dropout: Probability of dropout of :math:`\alpha`.
        negative_slope: Slope of LeakyReLU.

    Shapes:
        - Input: h, [N, D].
        - Output: h', [N, E].

    Raises:
        TypeError: If a size is no integer, or another number none.
        ValueError: If a number is out of range, or the heads do not divide E.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_heads: int = 1,
        dropout: float = 0.0,
        negative_slope: float = 0.2,
    ) -> None:
        super().__init__()
        check_integer("in_channels", in_channels, low=1, example=512)
        check_integer("out_channels", out_channels, low=1, example=128)
        check_integer("num_heads", num_heads, low=1, example=4)
        check_number("dropout", dropout, low=0, high=1, example=0.3)
        check_number("negative_slope", negative_slope, low=0, example=0.2)
        if out_channels % num_heads:
            raise ValueError(
                f"num_heads={num_heads} must divide the {out_channels} channels, which all heads "
                "have together"
            )
        self.num_heads, self.dropout, self.negative_slope = num_heads, dropout, negative_slope
        self.linear = nn.Linear(in_channels, out_channels, bias=False)
        self.attn = nn.Linear(out_channels // num_heads, 1, bias=False)

    def forward(self, h: Tensor) -> Tensor:
        """Computes h', [N, E], from h, [N, D]."""
        weight = at_least_float32(self.linear.weight)
        g = F.linear(h, weight).unflatten(1, (self.num_heads, -1))  # (N, heads, E / heads)
        share = pair_score(g, self.attn.weight[0], self.negative_slope).softmax(1)  # (N, N, heads)
        share = F.dropout(share, self.dropout, self.training)
        return torch.einsum("ijh,jhe->ihe", share, g.to(share.dtype)).flatten(1)


@MODELS.register_module()
class GATv2(BaseModule):
    r"""Graph-based multi-label correlation (GMC): label vectors that know of each other.

    .. math::
        g = \mathrm{GATv2}_2(\mathrm{dropout}(\mathrm{ELU}(\mathrm{GATv2}_1(\mathrm{dropout}(t)))))

    over the complete graph of the labels, with self-loops (:class:`GATv2Layer`). The first layer
    has several heads, the second has one. Source: SigRL, as in its public code. No parameter
    depends on the labels, whose number may differ from call to call; if they come in another
    order, so does the result.

    Args:
        in_channels: d' of the label vectors.
        hidden_channels: Channels between the layers, all heads together.
        num_heads: Heads of the first layer, which must divide ``hidden_channels``.
        out_channels: E of the result.
        dropout: Probability of dropout, of each layer's input and of its attention.
        negative_slope: Slope of the attention's LeakyReLU.

    Shapes:
        - Input: t, [C, d'].
        - Output: g, [C, E]; float32, or float64 if the input is.

    Raises:
        TypeError: If a size is no integer, or another number none.
        ValueError: If a number is out of range, or the heads do not divide ``hidden_channels``.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 128,
        num_heads: int = 4,
        out_channels: int = 512,
        dropout: float = 0.3,
        negative_slope: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("hidden_channels", hidden_channels, low=1, example=128)
        self.out_channels, self.dropout = out_channels, dropout
        self.layer1 = GATv2Layer(in_channels, hidden_channels, num_heads, dropout, negative_slope)
        self.layer2 = GATv2Layer(hidden_channels, out_channels, 1, dropout, negative_slope)

    def forward(self, t: Tensor) -> Tensor:
        """Computes g, [C, E], from label vectors t, [C, d']."""
        with full_precision(t):  # attention over a thousand labels needs more than half
            h = F.dropout(at_least_float32(t), self.dropout, self.training)
            h = F.elu(self.layer1(h))
            return self.layer2(F.dropout(h, self.dropout, self.training))
