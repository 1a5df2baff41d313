"""MCAR: the whole image, and once more the regions where its likeliest classes show."""

from typing import Any

import torch
from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.models.heads import MultiLabelClsHead
from mmpretrain.structures import DataSample
from torch import Tensor

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.attention import AttentionMaps
from mmsrdl.models.backbones import CachedMaps
from mmsrdl.models.class_evidence import (
    HAVE_CLASS_EVIDENCE,
    Features,
    class_evidence,
    has_class_evidence,
    through_neck,
)
from mmsrdl.models.classifiers.regions import attentional_boxes, crop_boxes
from mmsrdl.models.heads import ClassFeatureHead
from mmsrdl.models.losses import check_known, stack_targets
from mmsrdl.models.precision import at_least_float32
from mmsrdl.registry import MODELS

LOCALIZERS = ("cam", "attention")


@MODELS.register_module()
class MCARClassifier(ImageClassifier):
    r"""Scores an image, then crops of it, with one and the same network.

    .. math::
        s^g &= h(F(I)) \\
        R_n &= \mathrm{crop}(I, \mathrm{box}(A_{c_n})), \quad
            c_1, \ldots, c_N \text{ the classes of highest } s^g \\
        s^l_c &= \max_n h(F(R_n))_c \\
        s_c &= \max(s^g_c, s^l_c)

    with F the backbone, h neck and head, I the image, and A the class maps: h's own linear layer at
    every position of F(I), through a sigmoid. Boxes: see :func:`attentional_boxes`. Classes, maps
    and crops carry no gradient; the losses of s^g and of s^l train the network in both passes. In
    training BatchNorm sees the B N crops as a batch of their own.

    Source: MCAR (Gao and Zhou, "Learning to Discover Multi-Class Attentional Regions for
    Multi-Label Image Recognition"), arXiv 2007.01755, as in its public code. An image costs 1 + N
    passes of the backbone.

    Args:
        *args: See MMPretrain's ``ImageClassifier``.
        regions: N, at most C of them are used.
        threshold: Of the maps' marginals, in (0, 1).
        min_size: Shortest side of a region as a share of the image's, in [0, 0.5).
        local_size: Height and width, or side, that crops are resized to. None: the image's.
        localizer: Which maps: ``'cam'``, as above, of heads with evidence for a class by position
            (see :func:`has_class_evidence`); ``'attention'``, the spatial
            attention of a :class:`ClassFeatureHead`.
        **kwargs: See MMPretrain's ``ImageClassifier``.

    Raises:
        TypeError: If a number is of another type, or the head does not offer the maps.
        ValueError: If an option is out of range, or the backbone takes no images.
    """

    head: Any

    def __init__(
        self,
        *args: Any,
        regions: int = 4,
        threshold: float = 0.5,
        min_size: float = 0.125,
        local_size: int | tuple[int, int] | None = None,
        localizer: str = "cam",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        check_integer("regions", regions, low=1, example=4)
        check_number("threshold", threshold, low=0, high=1)
        check_number("min_size", min_size, low=0, high=0.5, example=0.125)
        if threshold in (0, 1) or min_size == 0.5:
            raise ValueError(
                f"threshold={threshold!r} must lie inside (0, 1), such as 0.5, and "
                f"min_size={min_size!r} below 0.5, such as 0.125"
            )
        self.regions, self.threshold, self.min_size = regions, threshold, min_size
        self.local_size = _size(local_size)
        self.localizer = localizer
        self._check_parts()

    def _check_parts(self) -> None:
        if self.localizer not in LOCALIZERS:
            raise ValueError(f"localizer={self.localizer!r} is unknown; use one of {LOCALIZERS}")
        if isinstance(self.backbone, CachedMaps):
            raise ValueError(
                "MCARClassifier crops images, which the backbone CachedMaps never sees; use "
                "type='ImageClassifier' for the global stream alone"
            )
        head = self.head
        if not isinstance(head, MultiLabelClsHead):
            raise TypeError(
                f"MCARClassifier needs a multi-label head, not {type(head).__name__}; use one "
                "such as MultiLabelLinearClsHead"
            )
        if self.localizer == "cam" and not has_class_evidence(self):
            raise TypeError(
                f"localizer='cam': the head {type(head).__name__} has no evidence by position, "
                f"{HAVE_CLASS_EVIDENCE}; where it has spatial attention, use localizer='attention'"
            )
        attentive = isinstance(head, ClassFeatureHead) and head.spatial_attention
        if self.localizer == "attention" and not attentive:
            raise TypeError(
                f"localizer='attention': the head {type(head).__name__} has no spatial attention "
                "of classes, which mmsrdl.CARHead (use_spatial=True) has; use localizer='cam'"
            )

    def forward(
        self, inputs: Tensor, data_samples: list[DataSample] | None = None, mode: str = "tensor"
    ) -> Any:
        """Runs both streams; see MMPretrain's ``ImageClassifier``.

        Args:
            inputs: Images, [B, 3, H, W].
            data_samples: Labels; needed for ``'loss'``.
            mode: ``'tensor'``: logits, [B, C]; ``'predict'`` or ``'loss'``.
        """
        if mode == "tensor":
            return self.score(inputs)
        return super().forward(inputs, data_samples, mode)

    def score(self, inputs: Tensor, features: Features | None = None) -> Tensor:
        """Computes logits of both streams' scores, [B, C].

        Args:
            inputs: Images, [B, 3, H, W].
            features: What the backbone made of them, where that is known.
        """
        features = self.backbone(inputs) if features is None else features
        logits, maps, _ = self._global_stream(features)
        return torch.maximum(logits, self._local_stream(inputs, logits, maps))

    def predict(
        self,
        inputs: Tensor,
        data_samples: list[DataSample] | None = None,
        features: Features | None = None,
    ) -> list[DataSample]:
        """Predicts.

        Args:
            inputs: Images, [B, 3, H, W].
            data_samples: Where predictions are written to.
            features: See :meth:`score`.
        """
        return self.head._get_predictions(self.score(inputs, features), data_samples)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Computes the losses of both streams.

        Args:
            inputs: Images, [B, 3, H, W].
            data_samples: With ``gt_score`` (1, 0 or -1) or ``gt_label``.

        Returns:
            ``loss_global``, ``loss_local``, and what else the head adds for the global stream.
            MMEngine adds them up.
        """
        logits, maps, losses = self._global_stream(self.backbone(inputs), data_samples)
        losses = {
            "loss_global" if name in ("loss", "loss_ori") else name: value
            for name, value in losses.items()
        }
        local = self._local_stream(inputs, logits, maps)
        target = stack_targets(data_samples, local.shape[1])
        check_known(self.head.loss_module, target)
        losses["loss_local"] = self.head.loss_module(
            at_least_float32(local), target, avg_factor=len(local)
        )
        return losses

    def boxes(self, logits: Tensor, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """Localises the N likeliest classes of every image.

        Args:
            logits: Of the global stream, [B, C].
            maps: Of all classes, [B, C, h, w].
            size: (H, W) of the images.

        Returns:
            (x1, y1, x2, y2) in pixels, ends excluded, int64 [B, N, 4].
        """
        order = logits.detach().sort(dim=1, descending=True, stable=True).indices
        rows = torch.arange(len(maps), device=maps.device)[:, None]
        chosen = maps[rows, order[:, : self.regions]]
        return attentional_boxes(chosen, size, self.threshold, self.min_size)

    def _global_stream(
        self, features: Features, data_samples: list[DataSample] | None = None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Scores whole images.

        Returns:
            Logits [B, C], maps of all classes [B, C, h, w], and the head's losses where there are
            labels.
        """
        head, feats = self.head, through_neck(self, features)
        losses: dict[str, Tensor] = {}
        if isinstance(head, ClassFeatureHead):
            scored = head.score_images(feats)
            logits = scored.logits
            if data_samples is not None:
                losses = head.losses_of(scored, data_samples)
            if self.localizer == "attention":
                return logits, self._attention_maps(scored.maps, feats), losses
        else:
            logits = head(feats)
            if data_samples is not None:
                losses = head.loss(feats, data_samples)
        with torch.no_grad():
            maps = class_evidence(self, features, bias=True).sigmoid()
        return logits, maps, losses

    def _attention_maps(self, maps: AttentionMaps, feats: Features) -> Tensor:
        """Returns the attention, [B, C, h, w]; label decoders make it on request alone."""
        if maps.spatial is None:
            with torch.no_grad():
                maps = self.head.attend(feats)
        return maps.spatial_map().detach()

    def _local_stream(self, inputs: Tensor, logits: Tensor, maps: Tensor) -> Tensor:
        """Scores the regions of images; returns every class's highest logit, [B, C]."""
        height, width = inputs.shape[2:]
        with torch.no_grad():
            boxes = self.boxes(logits, maps, (height, width))
            crops = crop_boxes(inputs, boxes, self.local_size or (height, width))
        scores: Tensor = self.head(through_neck(self, self.backbone(crops)))
        return scores.unflatten(0, (len(inputs), -1)).amax(1)


def _size(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Returns height and width."""
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"local_size={size!r} must be a side, or (height, width), such as 448")
    for side in sides:
        check_integer("local_size", side, low=1, example=448)
    return sides
