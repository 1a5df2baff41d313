"""Dynamic graph convolution over class features: a graph of all images, then one of each."""

import torch
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.attention import AttentionMaps
from mmsrdl.models.class_features import check_class_features
from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.registry import MODELS


@MODELS.register_module()
class DynamicGCN(ClassRelation):
    r"""Passes class features through a learned graph, and then through one made from the image.

    With class features :math:`V \in R^{C \times E}` as rows and :math:`L` LeakyReLU:

    .. math::
        H &= V + L(L(A_s V) W_s + b_s) \\
        g &= L(\mathrm{BN}(W_g \, \mathrm{mean}_c(H_c) + b_g)) \\
        A_d[i, j] &= \psi(W_A[i] \cdot [g; H_j] + b_A[i]) \\
        Z &= V + L(L(A_d^\top H) W_d + b_d)

    Source: ADD-GCN (Ye et al., ECCV 2020), Sec. 3.3, as in its public code
    (Yejin0111/ADD-GCN, ``models/add_gcn.py``). The paper writes :math:`A_d H`; in the code class j
    gathers with the column that it made itself, which is :math:`A_d^\top H`, as here. Both outer
    sums are the code's.

    While training, the batch normalisation of g needs two images or more, and runs twice an
    iteration where object erasing adds a pass.

    Args:
        num_classes: C.
        in_channels: E of the class features; ADD-GCN has 1024.
        norm_cfg: Normalisation of g, such as ``dict(type='SyncBN')`` on several GPUs; None
            leaves it out.
        negative_slope: Slope of LeakyReLU.

    Shapes:
        - Input and output: [B, C, E].

    Raises:
        TypeError: If a size is no integer or the slope no number.
        ValueError: If a size is below 1 or the slope negative; in :meth:`forward`, if a batch
            normalisation is to train on one image, or the features are not of all classes.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        norm_cfg: dict | None = dict(type="BN1d"),  # noqa: B006, as everywhere in MMCV
        negative_slope: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("in_channels", in_channels, low=1, example=1024)
        check_number("negative_slope", negative_slope, low=0, example=0.2)
        self.out_channels, self.negative_slope = in_channels, negative_slope
        self.static_graph = nn.Linear(num_classes, num_classes, bias=False)
        self.static_weight = nn.Linear(in_channels, in_channels)
        self.global_weight = nn.Linear(in_channels, in_channels)
        self.norm = (
            nn.Identity() if norm_cfg is None else build_norm_layer(norm_cfg, in_channels)[1]
        )
        self.dynamic_graph = nn.Linear(2 * in_channels, num_classes)
        self.dynamic_weight = nn.Linear(in_channels, in_channels)

    def forward(self, feature: Tensor, maps: AttentionMaps) -> Tensor:
        """Computes class features that depend on those of the other classes.

        Args:
            feature: V, [B, C, E].
            maps: Of no account.
        """
        if self.training and len(feature) == 1 and isinstance(self.norm, nn.BatchNorm1d):
            raise ValueError(
                "DynamicGCN got a batch of 1 image, of which its batch normalisation knows no "
                "statistics: set train_dataloader.drop_last=True, a batch_size of 2 or more, or "
                "norm_cfg=None"
            )
        check_class_features(self, feature, len(self.static_graph.weight))
        listened = self._activate(self.static_graph.weight @ feature)
        static = feature + self._activate(self.static_weight(listened))
        graph = self.image_graph(static)
        gathered = self._activate(graph.transpose(1, 2) @ static)
        return feature + self._activate(self.dynamic_weight(gathered))

    def image_graph(self, feature: Tensor) -> Tensor:
        """Computes the graph of each image, A_d in [0, 1], [B, C, C].

        Args:
            feature: H, [B, C, E].
        """
        image = self._activate(self.norm(self.global_weight(feature.mean(1))))  # g, (B, E)
        of_image, of_class = self.dynamic_graph.weight.chunk(2, dim=1)
        # W_A [g; H_j] = W_A1 g + W_A2 H_j: no [B, C, 2E] tensor.
        common = F.linear(image, of_image, self.dynamic_graph.bias)  # (B, C)
        return torch.sigmoid(common[:, :, None] + of_class @ feature.transpose(1, 2))

    def _activate(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.negative_slope)
