"""Scores of patches: every label's vector with every position's feature."""

from typing import Any

from torch import Tensor

from mmsrdl.arguments import check_integer
from mmsrdl.models.attention.base import AttentionMaps, ClassAttention
from mmsrdl.models.build_part import build_part
from mmsrdl.models.embedders.gatv2 import GATv2
from mmsrdl.models.precision import at_least_float32, full_precision
from mmsrdl.registry import MODELS

__all__ = ["PatchScores"]


@MODELS.register_module()
class PatchScores(ClassAttention):
    r"""Scores every position for every label by the product of two vectors of one space.

    .. math:: m_{c,p} = t_c^\top P_p

    of which :class:`TwoStreamClassifier` makes logits. This is the local half of MKT (He et al.,
    AAAI 2023), as in its public code, and of CLIP's zero-shot scores of patches. There are no
    parameters, so the labels may be others at any call.

    With a ``graph`` the label vectors are :math:`t + \mathrm{GMC}(t)`. That is no published
    method: it is SigRL without its feature reconstruction, defined here because SigRL's graph
    feeds that alone. The classifier's global half keeps t.

    Args:
        in_channels: D of the feature map.
        embed_dims: d' of the label vectors, which must be D.
        graph: Config of the graph over the labels, such as ``dict(type='mmsrdl.GATv2')``, or None
            without one.

    Shapes:
        - Label side: [C, D].
        - Scores of positions: [B, C, P]; float32, or float64 if the map is.
        - Class feature: the mean of P, [B, 1, D], which all classes share.

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a size is below 1, or d' or the graph's ``out_channels`` is not D.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        graph: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("in_channels", in_channels, low=1, example=512)
        check_integer("embed_dims", embed_dims, low=1, example=512)
        if embed_dims != in_channels:
            raise ValueError(
                f"{type(self).__name__} multiplies label vectors of {embed_dims} with features of "
                f"{in_channels}; project the features to {embed_dims}, such as by "
                "neck=dict(type='mmsrdl.CLIPProjection')"
            )
        self.out_channels = in_channels
        self.graph: GATv2 | None = None
        if graph is not None:
            self.graph = build_part(
                "graph", graph, in_channels=embed_dims, out_channels=in_channels
            )
            if self.graph.out_channels != in_channels:
                raise ValueError(
                    f"graph.out_channels={self.graph.out_channels} must be those of the features, "
                    f"{in_channels}; leave it out"
                )

    def embed_labels(self, x: Tensor | None) -> Any:
        """Computes the vectors that positions are scored with, [C, D].

        Args:
            x: Label vectors, [C, D].

        Raises:
            ValueError: If there are none.
        """
        x = at_least_float32(self.need_embeddings(x))
        return x if self.graph is None else x + self.graph(x)

    def forward(self, feature_map: Tensor, labels: Any) -> AttentionMaps:
        """Computes the scores of the positions.

        Args:
            feature_map: P, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
        """
        feature = feature_map.flatten(2).transpose(1, 2)  # (B, P, D)
        return self.score(at_least_float32(feature), labels, feature_map)

    def score(self, feature: Tensor, vectors: Tensor, feature_map: Tensor) -> AttentionMaps:
        """Scores positions with label vectors.

        Args:
            feature: [B, P, D].
            vectors: [C, D].
            feature_map: What the features come from, [B, D, H, W].
        """
        with full_precision(feature):  # half precision would tie the scores of many labels
            scores = vectors @ feature.transpose(1, 2)  # (B, C, P)
        height, width = feature_map.shape[2:]
        return AttentionMaps(feature, None, None, (height, width), scores, vectors=vectors)

    def pool(
        self, maps: AttentionMaps, erased: Tensor | None = None, erase_channel: bool = False
    ) -> Tensor:
        """Averages the positions, [B, 1, D].

        Args:
            maps: Output of :meth:`forward`.
            erased: None, as nothing can be erased.
            erase_channel: Without effect, as there is no channel branch.

        Raises:
            ValueError: If something is to be erased.
        """
        if erased is not None:
            raise ValueError(
                f"{type(self).__name__} cannot erase positions; use an attention that can, such as "
                "CARAttention"
            )
        return maps.feature.mean(1, keepdim=True)
