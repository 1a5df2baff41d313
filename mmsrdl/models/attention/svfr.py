"""Semantic visual feature reconstruction (SVFR): positions weighed by what labels see in them."""

from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.models.attention.base import AttentionMaps
from mmsrdl.models.attention.patch_scores import PatchScores
from mmsrdl.models.precision import at_least_float32, full_precision
from mmsrdl.ops import decouple, reweight
from mmsrdl.registry import MODELS

__all__ = ["SVFRAttention", "SVFRLabels"]

CONTEXTS = ("asked", "trained")


class SVFRLabels(NamedTuple):
    """The label side of :class:`SVFRAttention`.

    Attributes:
        asked: t of the labels that are asked for, [C, D].
        context: t of the labels that reconstruct the features, [C', D].
        graph: What the graph adds to z, [C', D].
    """

    asked: Tensor
    context: Tensor
    graph: Tensor


@MODELS.register_module()
class SVFRAttention(PatchScores):
    r"""Reconstructs the features of an image from labels, and scores every position with them.

    With features P of the positions, label vectors t and their graph g = GMC(t) (:class:`GATv2`):

    .. math::
        s_c &= \sum_p P_p \odot \mathrm{softmax}_p(W_s \tanh(P_p \odot t_c)) \\
        M &= \mathrm{rownorm}(\mathrm{ReLU}(\textstyle\sum_c s_c t_c^\top)), \qquad
        r_c = M^\top s_c \\
        z_c &= W_z [r_c; g_c] \\
        P'_p &= P_p \odot \sum_c \mathrm{softmax}_p(W_v \tanh(P_p \odot z_c)), \qquad
        m_{c,p} = t_c^\top P'_p

    where each softmax is over positions and of each channel, and rownorm divides the rows of M by
    their L2 norm. Source: SigRL, as in its public code, which divides M by norms of s and t first;
    the row norm cancels them. It also has biases beside W_s and W_v, which the softmax cancels:
    their gradients are 0, and here they do not exist.

    No tensor over positions x classes x channels is stored, see :func:`mmsrdl.ops.decouple`; time
    still grows with their product.

    P' depends on all labels of the call: through the graph, M, and the sum over classes. With
    ``context='asked'``, as published, a label's scores so change with the labels that it is asked
    with. With ``'trained'`` features are reconstructed from the labels of the training, whatever
    is asked, and a label's scores depend on its own vector alone.

    Args:
        in_channels: D of the feature map.
        embed_dims: d' of the label vectors, which must be D.
        graph: Config of the graph over the labels, or None to put t in the place of g.
        context: Labels that reconstruct the features while evaluating: ``'asked'`` or
            ``'trained'``, which needs :meth:`set_context`. While training they are the same.

    Shapes:
        - Label side: :class:`SVFRLabels`.
        - Feature of the maps: P', [B, P, D].
        - Scores of positions: [B, C, P]; float32, or float64 if the map is.
        - Class feature: the mean of P', [B, 1, D], which all classes share.

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a size is below 1, d' or ``out_channels`` of the graph is not D, or
            ``context`` is unknown; in :meth:`embed_labels`, if the labels of the training are not
            known.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        graph: dict | None = dict(type="mmsrdl.GATv2"),  # noqa: B006, a config is not changed
        context: str = "asked",
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, embed_dims, graph, init_cfg)
        if context not in CONTEXTS:
            raise ValueError(f"context={context!r} is unknown; use one of {CONTEXTS}")
        self.context = context
        # Neither a buffer nor in checkpoints: it belongs to names, which the head knows.
        self._trained: Tensor | None = None
        self.fc_s = nn.Linear(in_channels, in_channels, bias=False)
        self.fc_z = nn.Linear(2 * in_channels, in_channels, bias=False)
        self.fc_v = nn.Linear(in_channels, in_channels, bias=False)

    def set_context(self, vectors: Tensor) -> None:
        """Tells which labels were trained, for ``context='trained'``; their order is of no account.

        Args:
            vectors: Their label vectors, [C', D].

        Raises:
            ValueError: If the shape is another.
        """
        if vectors.dim() != 2 or not len(vectors) or vectors.shape[1] != self.out_channels:
            raise ValueError(
                f"vectors={list(vectors.shape)} must be label vectors [C, {self.out_channels}] of "
                "at least one label"
            )
        self._trained = vectors.detach()

    def embed_labels(self, x: Tensor | None) -> SVFRLabels:
        """Computes all that depends on labels alone.

        Args:
            x: Label vectors, [C, D].

        Raises:
            ValueError: If there are none, or those of the training are needed and not known.
        """
        asked = at_least_float32(self.need_embeddings(x))
        context = self._context_of(asked)
        graph = context if self.graph is None else self.graph(context)
        with full_precision(asked):
            weight = at_least_float32(self.fc_z.weight[:, self.out_channels :])
            return SVFRLabels(asked, context, F.linear(graph, weight))

    def _context_of(self, asked: Tensor) -> Tensor:
        if self.context == "asked" or self.training:
            return asked
        if self._trained is None:
            raise ValueError(
                "context='trained' needs the vectors of the labels that were trained; call "
                "set_context(vectors), or use context='asked'"
            )
        return self._trained.to(asked)

    def forward(self, feature_map: Tensor, labels: Any) -> AttentionMaps:
        """Reconstructs the features, and computes the scores of the positions.

        Args:
            feature_map: P, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
        """
        feature = at_least_float32(feature_map.flatten(2).transpose(1, 2))  # (B, P, D)
        with full_precision(feature):
            s = decouple(feature, labels.context, self.fc_s.weight)  # (B, C', D)
            z = self._relate(s, labels)
            feature = feature * reweight(feature, z, self.fc_v.weight)
        return self.score(feature, labels.asked, feature_map)

    def _relate(self, s: Tensor, labels: SVFRLabels) -> Tensor:
        """Computes z, [B, C', D], from s, [B, C', D]."""
        similarity = (s.transpose(1, 2) @ labels.context).relu()  # (B, D, D)
        r = s @ F.normalize(similarity, dim=-1)
        weight = at_least_float32(self.fc_z.weight[:, : self.out_channels])
        return F.linear(r, weight) + labels.graph
