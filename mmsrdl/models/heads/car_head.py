"""SRDL's head: class-specific attention, a classifier of class features, and object erasing."""

import math
from collections.abc import Sequence

import torch
from mmpretrain.models.heads import MultiLabelClsHead
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.attention import AttentionMaps
from mmsrdl.models.erasing import ObjectErasing
from mmsrdl.models.losses import check_known, stack_targets
from mmsrdl.registry import MODELS

Features = Tensor | Sequence[Tensor]


@MODELS.register_module()
class CARHead(MultiLabelClsHead):
    r"""Label embedder x attention x classifier x loss, with a slot for object erasing.

    Source: SRDL (Pu et al.), Sec. 3. The label embedder gives x_c (Eq. 3), the
    attention gives maps and class features f_c (Eqs. 4-6), the classifier gives
    logits (Eq. 2). While an :class:`ObjectErasing` is in ``erasing``, which
    :class:`OEErasingHook` sees to, :meth:`loss` runs a second, erased pass
    (Eqs. 7-13). At inference that pass does not exist, and what depends on
    labels alone is computed once.

    Args:
        num_classes: C.
        in_channels: D of the backbone's last map.
        embedder: Config of the label embedder, such as ``mmsrdl.GCNLabelEmbedder``.
        attention: Config of the attention. ``in_channels`` and ``embed_dims``
            are filled in.
        classifier: ``'per_class'``: every class has its own weights;
            ``'shared'``: one linear layer for all.
        loss: Config of the loss. MMPretrain's multi-label losses work, too, as
            long as no label is unknown.
        avg_pool: Side of an average pooling before the head. The method's
            relatives end the backbone with 2 (14 x 14 -> 7 x 7); the paper does
            not say so.
        num_extra_tokens: For token input [B, N, D]: how many tokens precede
            the patches. Defaults to 1 or 0, whichever leaves a square grid.
        thr: Threshold of positive predictions.
        topk: See ``MultiLabelClsHead``.

    Shapes:
        - Input: the last element of a tuple, [B, D, H, W], or tokens [B, N, D].
        - Output: logits, [B, C].

    Raises:
        TypeError: If a number is of another type.
        ValueError: If an option is unknown or out of range, ``num_classes`` is not the
            embedder's, or the input has another shape.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        embedder: dict,
        attention: dict | None = None,
        classifier: str = "per_class",
        loss: dict | None = None,
        avg_pool: int = 1,
        num_extra_tokens: int | None = None,
        thr: float | None = None,
        topk: int | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            loss=loss or dict(type="mmsrdl.MultiLabelBCELoss"),
            thr=thr,
            topk=topk,
            init_cfg=init_cfg,
        )
        if classifier not in ("per_class", "shared"):
            raise ValueError(f"classifier={classifier!r} is unknown; use 'per_class' or 'shared'")
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("in_channels", in_channels, low=1, example=2048)
        check_integer("avg_pool", avg_pool, low=1, example=2)
        if num_extra_tokens is not None:
            check_integer("num_extra_tokens", num_extra_tokens, low=0, example=1)
        if thr is not None:
            check_number("thr", thr, low=0, high=1)
        if topk is not None:
            check_integer("topk", topk, low=1, example=3)
            if topk > num_classes:
                raise ValueError(
                    f"topk={topk} exceeds num_classes={num_classes}; use 1 to {num_classes}"
                )
        self.num_classes, self.in_channels = num_classes, in_channels
        self.avg_pool, self.num_extra_tokens = avg_pool, num_extra_tokens
        self.embedder = MODELS.build(embedder)
        if self.embedder.num_classes != num_classes:
            raise ValueError(
                f"num_classes={num_classes} but the embedder has {self.embedder.num_classes} "
                "classes; give the embedder the class names of the data set"
            )
        self.attention = MODELS.build(
            {
                "type": "mmsrdl.CARAttention",
                "in_channels": in_channels,
                "embed_dims": self.embedder.out_dims,
                **(attention or {}),
            }
        )
        self.classifier = MODELS.build(
            dict(
                type="mmsrdl.ClassClassifier",
                num_classes=num_classes,
                in_channels=in_channels,
                shared=classifier == "shared",
            )
        )
        self.erasing: ObjectErasing | None = None
        self._label_cache: tuple[tuple, Tensor] | None = None

    def train(self, mode: bool = True) -> "CARHead":
        """Sets the mode and drops the cached label side.

        MMEngine exchanges EMA weights, behind autograd's version counters, just
        before it calls this.
        """
        self._label_cache = None
        return super().train(mode)

    def label_side(self) -> Tensor:
        """Computes f_w(x), which depends on labels alone; kept while evaluating.

        Returns:
            [C, hidden].
        """
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self.attention.embed_labels(self.embedder())
        sources = (*self.embedder.parameters(), *self.attention.parameters())
        device = sources[0].device.type
        key = (
            torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device),
            *((source.data_ptr(), source._version) for source in sources),
        )
        if self._label_cache is None or self._label_cache[0] != key:
            self._label_cache = key, self.attention.embed_labels(self.embedder())
        return self._label_cache[1]

    def pre_logits(self, feats: Features) -> Tensor:
        """Returns the backbone's last map, [B, D, H, W].

        Args:
            feats: Output of backbone and neck.
        """
        feature = feats if isinstance(feats, Tensor) else feats[-1]
        if feature.dim() == 3:
            feature = self.map_of_tokens(feature)
        if feature.dim() != 4 or feature.shape[1] != self.in_channels:
            raise ValueError(
                f"CARHead takes a map [B, {self.in_channels}, H, W] or tokens "
                f"[B, N, {self.in_channels}], got {list(feature.shape)}; set in_channels to the "
                "backbone's channels, and let the backbone return a map (neck=None; ViT: "
                "out_type='featmap' or 'raw')"
            )
        return F.avg_pool2d(feature, self.avg_pool) if self.avg_pool > 1 else feature

    def map_of_tokens(self, tokens: Tensor) -> Tensor:
        """Lays patch tokens [B, N, D] out as a square map [B, D, H, W].

        Raises:
            ValueError: If they are no square grid.
        """
        count = tokens.shape[1]
        candidates = (1, 0) if self.num_extra_tokens is None else (self.num_extra_tokens,)
        for extra in candidates:
            side = math.isqrt(max(count - extra, 0))
            if side and side * side == count - extra:
                return tokens[:, extra:].transpose(1, 2).unflatten(2, (side, side))
        raise ValueError(
            f"{count} tokens less num_extra_tokens={self.num_extra_tokens} are no square grid; set "
            "num_extra_tokens, or let the backbone return a map (out_type='featmap')"
        )

    @property
    def spatial_attention(self) -> bool:
        """Whether there are spatial maps, which object erasing needs."""
        return self.attention.use_spatial

    def attend(self, feats: Features) -> AttentionMaps:
        """Computes the attention maps of every class, Eqs. (3)-(5)."""
        return self.attention(self.pre_logits(feats), self.label_side())

    def forward(self, feats: Features) -> Tensor:
        """Computes logits, [B, C], Eqs. (2)-(6)."""
        return self.classifier(self.attention.pool(self.attend(feats)))

    def loss(self, feats: Features, data_samples: list[DataSample], **kwargs: object) -> dict:
        """Computes the losses, Eqs. (11)-(13).

        Args:
            feats: Output of backbone and neck.
            data_samples: With ``gt_score`` (1, 0 or -1) or ``gt_label``.
            **kwargs: Passed to the loss.

        Returns:
            ``loss_ori``, and ``loss_era`` while ``erasing`` is set. MMEngine adds
            them up.
        """
        maps = self.attend(feats)
        logits = self.classifier(self.attention.pool(maps))
        target = stack_targets(data_samples, self.num_classes)
        losses = {"loss_ori": self._one_loss(logits, target, **kwargs)}
        if self.erasing is not None:
            erased, target = self._erased_pass(self.erasing, maps, logits, target)
            losses["loss_era"] = self._one_loss(erased, target, **kwargs)  # Eq. (13): MMEngine sums
        return losses

    def _one_loss(self, logits: Tensor, target: Tensor, **kwargs: object) -> Tensor:
        check_known(self.loss_module, target)
        return self.loss_module(logits, target, avg_factor=logits.shape[0], **kwargs)

    def _erased_pass(
        self, erasing: ObjectErasing, maps: AttentionMaps, logits: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Scores the K erased classes again; the other logits stay as they are.

        Returns:
            Logits, [B, C], and the targets they are compared with, [B, C].
        """
        classes = erasing.select(logits)  # (B, K)
        chosen = maps.select(classes)
        region = erasing(chosen.spatial_map())  # (B, K, H, W)
        feature = self.attention.pool(chosen, region, erasing.erase_channel)
        rescored = self.classifier(feature, classes)
        erased = logits.scatter(1, classes, rescored.to(logits.dtype))
        return erased, erasing.targets(target, classes)
