"""Gated graph neural network over the class features of an image."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.datasets.cooccurrence import Cooccurrence
from mmsrdl.models.attention import AttentionMaps
from mmsrdl.models.class_features import check_class_features
from mmsrdl.models.label_graph import CooccurrenceGraph
from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.registry import MODELS


@MODELS.register_module()
class GGNN(CooccurrenceGraph, ClassRelation):
    r"""Passes messages between the classes of an image along their co-occurrence.

    With :math:`h^0_c = f_c` and :math:`A_{cc'} = P(c' | c)` on the training labels, every step is

    .. math::
        a_c &= [\textstyle\sum_{c'} A_{cc'} h_{c'} ; \sum_{c'} A_{c'c} h_{c'}] \\
        z &= \psi(W_z a + U_z h), \qquad r = \psi(W_r a + U_r h) \\
        \tilde h &= \tanh(W a + U (r \odot h)), \qquad h \leftarrow (1 - z) h + z \tilde h

    and the output is :math:`o_c = \tanh(fc_o [h^T_c ; h^0_c])`.

    Source: SSGRL (Chen et al., ICCV 2019), semantic interaction, and its public code
    (HCPLab-SYSU/SSGRL, ``ggnn.py``, ``models.py``). r multiplies h before U, which PyTorch's
    ``GRUCell`` has the other way round. The graph is neither binarised nor normalised. Its file
    is not public; the same laboratory's later code makes it with ones on the diagonal.

    ``input`` holds W_z, W_r and W on top of each other, ``hidden`` U_z and U_r, ``candidate`` U
    and ``output`` fc_o.

    Args:
        num_classes: C.
        in_channels: E of the class features, and size of a node.
        out_channels: E' of the output; defaults to ``in_channels``.
        num_steps: T. Without the graph: no relation.
        bias: Whether W and U have biases, as in the code; the paper's formula prints none.
        self_loops: Whether a class listens to itself, with weight P(c | c) = 1.
        classes: C class names, of which the head knows where it has an embedder.
        cooccurrence: File of label counts, see :func:`mmsrdl.datasets.save_cooccurrence`. None:
            ``mmsrdl.CooccurrenceHook`` counts them on the training set.

    Shapes:
        - Input: [B, C, E].
        - Output: [B, C, E'] in (-1, 1).

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a number is out of range, or classes and counts do not fit; in
            :meth:`forward`, if the features are not of all classes.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        out_channels: int | None = None,
        num_steps: int = 3,
        bias: bool = True,
        self_loops: bool = True,
        classes: Sequence[str] | None = None,
        cooccurrence: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        size = in_channels
        out_channels = size if out_channels is None else out_channels
        for name, value in dict(
            num_classes=num_classes, in_channels=size, out_channels=out_channels
        ).items():
            check_integer(name, value, low=1, example=2048)
        check_integer("num_steps", num_steps, low=1, example=3)
        self.num_classes, self.out_channels = num_classes, out_channels
        self.num_steps, self.self_loops = num_steps, self_loops
        self.register_buffer("adjacency", self.await_counts(num_classes, classes, cooccurrence))
        self.input = nn.Linear(2 * size, 3 * size, bias=bias)
        self.hidden = nn.Linear(size, 2 * size, bias=bias)
        self.candidate = nn.Linear(size, size, bias=bias)
        self.output = nn.Linear(2 * size, out_channels)

    def graph_of(self, counts: Cooccurrence) -> Tensor:
        """Makes A of the counts, [C, C]; the row of a class without a known positive is 0."""
        graph = super().graph_of(counts)
        return graph if self.self_loops else graph.fill_diagonal_(0)

    def forward(self, feature: Tensor, maps: AttentionMaps) -> Tensor:
        """Computes class features that depend on those of the other classes.

        Args:
            feature: f, [B, C, E].
            maps: Of no account.
        """
        check_class_features(self, feature, self.num_classes)
        graph = self.graph()
        both = torch.cat([graph, graph.t()])  # (2C, C)
        state = feature
        for _ in range(self.num_steps):
            state = self._step(state, both)
        return self.output(torch.cat([state, feature.to(state.dtype)], -1)).tanh()

    def _step(self, state: Tensor, both: Tensor) -> Tensor:
        heard = torch.cat((both @ state).chunk(2, dim=1), -1)  # a, (B, C, 2E)
        to_update, to_reset, to_candidate = self.input(heard).chunk(3, dim=-1)
        from_update, from_reset = self.hidden(state).chunk(2, dim=-1)
        update = (to_update + from_update).sigmoid()  # z
        reset = (to_reset + from_reset).sigmoid()  # r
        candidate = (to_candidate + self.candidate(reset * state)).tanh()
        return (1 - update) * state + update * candidate
