"""The head of every method: embedder x attention x relation x classifier x loss."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from mmpretrain.models.heads import MultiLabelClsHead
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.attention import AttentionMaps, ClassAttention
from mmsrdl.models.build_part import build_part, names
from mmsrdl.models.erasing import ObjectErasing
from mmsrdl.models.heads.class_classifier import FeatureClassifier
from mmsrdl.models.losses import check_known, stack_targets
from mmsrdl.models.precision import at_least_float32
from mmsrdl.models.relations import ClassRelation
from mmsrdl.registry import MODELS

Features = Tensor | Sequence[Tensor]
CLASSIFIERS = ("per_class", "shared")
KEPT_VOCABULARIES = 2


class LabelSide(NamedTuple):
    """All that depends on labels alone.

    Attributes:
        attention: What the attention made of the label embeddings.
        classifier: What the classifier made of them.
        embedding: The label embeddings, [C, d'].
    """

    attention: Any
    classifier: Tensor | None
    embedding: Tensor | None = None


@dataclass
class ScoredImages:
    """One pass over a batch.

    Attributes:
        maps: Attention maps.
        pooled: Class features of the attention, [B, C, E], or [B, 1, E].
        logits: [B, C].
        labels: The label side.
        feats: What backbone and neck returned, where the pass began with that.
    """

    maps: AttentionMaps
    pooled: Tensor
    logits: Tensor
    labels: LabelSide
    feats: Features | None = None


@MODELS.register_module()
class ClassFeatureHead(MultiLabelClsHead):
    r"""Scores every class by a feature of its own.

    Data flows one way: map, attention maps, class features, logits. A method is a choice of

    - embedder: label embeddings x [C, d'];
    - attention: from the map F and x to features f [B, C, E] (see :class:`ClassAttention`);
    - relation: lets the class features of an image know of each other (:class:`ClassRelation`);
    - classifier: from class features to logits (:class:`FeatureClassifier`);
    - loss.

    A part gets ``num_classes``, ``in_channels``, ``embed_dims`` and ``classes`` from the head if
    its constructor names them. A part that has ``auxiliary_losses(scored)`` adds to the losses; one
    that has ``adjust_losses(losses, scored)`` returns what becomes of all of them.

    While an :class:`ObjectErasing` is in ``erasing``, which :class:`OEErasingHook` sees to,
    :meth:`loss` runs a second, erased pass (SRDL, Eqs. 7-13). At inference that pass does not
    exist, and what depends on labels alone is computed once.

    Args:
        num_classes: C.
        in_channels: D of the backbone's last map.
        attention: Config of the attention, such as ``mmsrdl.CARAttention``.
        embedder: Config of the label embedder, such as ``mmsrdl.GCNLabelEmbedder``; None where
            nothing depends on labels.
        relation: Config of the relation, or None without one.
        classifier: Config of the classifier, or ``'per_class'``: every class has its own weights
            (:class:`ClassClassifier`); or ``'shared'``: one linear layer for all.
        loss: Config of the loss. MMPretrain's multi-label losses work, too, as
            long as no label is unknown.
        map_score_weight: Share w of the logits that the attention's own scores have,
            :math:`(1 - w) s_c + w \max_p m_{c,p}`; ADD-GCN has 0.5.
        avg_pool: Side of an average pooling before the head. SRDL's relatives end the backbone
            with 2 (14 x 14 -> 7 x 7); its paper does not say so.
        num_extra_tokens: For token input [B, N, D]: how many tokens precede
            the patches. Defaults to 1 or 0, whichever leaves a square grid.
        thr: Threshold of positive predictions.
        topk: See ``MultiLabelClsHead``.

    Shapes:
        - Input: the last element of a tuple, [B, D, H, W], or tokens [B, N, D].
        - Output: logits, [B, C].

    Raises:
        TypeError: If a number is of another type, or a part's config is none, has an argument that
            the part does not take, or lacks one, such as the label embeddings of an embedder.
        ValueError: If an option or a part's type is unknown, an option is out of range,
            ``num_classes`` is not the embedder's, no part takes the label embeddings, or the input
            has another shape.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        attention: dict,
        embedder: dict | None = None,
        relation: dict | None = None,
        classifier: str | dict = "per_class",
        loss: dict | None = None,
        map_score_weight: float = 0.0,
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
        check_integer("num_classes", num_classes, low=1, example=80)
        check_integer("in_channels", in_channels, low=1, example=2048)
        check_integer("avg_pool", avg_pool, low=1, example=2)
        check_number("map_score_weight", map_score_weight, low=0, high=1)
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
        self.map_score_weight = map_score_weight
        self._build_parts(attention, embedder, relation, classifier)
        self.erasing: ObjectErasing | None = None
        self._label_cache: dict[tuple | None, tuple[tuple, LabelSide]] = {}

    def _build_parts(
        self,
        attention: dict,
        embedder: dict | None,
        relation: dict | None,
        classifier: str | dict,
    ) -> None:
        known: dict = dict(num_classes=self.num_classes)
        self.embedder: Any = None
        if embedder is not None:
            self.embedder = build_part("embedder", embedder, **known)
            if self.embedder.num_classes != self.num_classes:
                raise ValueError(
                    f"num_classes={self.num_classes} but the embedder has "
                    f"{self.embedder.num_classes} classes; give the embedder the class names of "
                    "the data set"
                )
            known.update(embed_dims=self.embedder.out_dims, classes=self.embedder.classes)
        self.attention: ClassAttention = build_part(
            "attention", attention, in_channels=self.in_channels, **known
        )
        known.update(num_groups=self.attention.num_groups)
        channels = self.attention.out_channels
        self.relation: ClassRelation | None = None
        if relation is not None:
            self.relation = build_part("relation", relation, in_channels=channels, **known)
            channels = self.relation.out_channels
        if isinstance(classifier, str):
            if classifier not in CLASSIFIERS:
                raise ValueError(
                    f"classifier={classifier!r} is unknown; use one of {CLASSIFIERS}, or a config "
                    "such as dict(type='mmsrdl.ClassClassifier')"
                )
            classifier = dict(type="mmsrdl.ClassClassifier", shared=classifier == "shared")
        self.classifier: FeatureClassifier = build_part(
            "classifier", classifier, in_channels=channels, **known
        )
        self._classifier_takes_maps = names(self.classifier.forward, "maps")
        self._check_embedder()
        self._check_groups()

    def _check_embedder(self) -> None:
        """Refuses label embeddings that no part takes."""
        parts = filter(None, (self.attention, self.relation, self.classifier))
        if self.embedder is not None and not any(names(type(p), "embed_dims") for p in parts):
            raise ValueError(
                f"embedder={type(self.embedder).__name__}: no part of the head takes its label "
                "embeddings (none names embed_dims in its constructor); remove it, or use a part "
                "that does, such as attention=dict(type='mmsrdl.CARAttention')"
            )

    def _check_groups(self) -> None:
        """Refuses features of groups of classes where a part takes them for those of classes."""
        groups = self.attention.num_groups
        if groups in (None, 1, self.num_classes):  # 1: all classes share one feature
            return
        for name in ("relation", "classifier"):
            part: Any = getattr(self, name)
            if part is not None and getattr(part, "num_groups", None) != groups:
                raise ValueError(
                    f"{name}={type(part).__name__} does not take the features of "
                    f"{groups} groups of {self.num_classes} classes that "
                    f"{type(self.attention).__name__} gives; set attention.num_groups="
                    f"{self.num_classes}, or use no relation and "
                    "classifier=dict(type='mmsrdl.GroupClassifier')"
                )

    def train(self, mode: bool = True) -> "ClassFeatureHead":
        """Sets the mode and drops the cached label side.

        MMEngine exchanges EMA weights, behind autograd's version counters, just
        before it calls this.
        """
        self._label_cache = {}
        return super().train(mode)

    def label_side(self) -> LabelSide:
        """Computes what depends on labels alone; kept while evaluating."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._embed_labels()
        sources = [p for part in self._label_parts() for p in (*part.parameters(), *part.buffers())]
        if not sources:
            return self._embed_labels()
        device = sources[0].device.type
        key = (
            torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device),
            *((source.data_ptr(), source._version) for source in sources),
        )
        classes = getattr(self.embedder, "classes", None)
        known, side = self._label_cache.get(classes, (None, None))
        if side is None or known != key:
            side = self._embed_labels()
            self._label_cache[classes] = key, side
            if len(self._label_cache) > KEPT_VOCABULARIES:
                self._label_cache.pop(next(iter(self._label_cache)))  # the oldest
        return side

    def _label_parts(self) -> list[nn.Module]:
        """Returns the parts whose state the label side is made from."""
        parts = (self.embedder, self.attention, self.classifier)
        return [part for part in parts if part is not None]

    def _parts(self) -> list[nn.Module]:
        """Returns the parts that may add to the losses."""
        parts = (self.embedder, self.attention, self.relation, self.classifier)
        return [part for part in parts if part is not None]

    def _embed_labels(self) -> LabelSide:
        x = None if self.embedder is None else self.embedder()
        return LabelSide(self.attention.embed_labels(x), self.classifier.embed_labels(x), x)

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
                f"{type(self).__name__} takes a map [B, {self.in_channels}, H, W] or tokens "
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

    def class_token(self, feats: Features) -> Tensor | None:
        """Returns the first of the tokens that precede the patches, [B, D].

        Args:
            feats: Output of backbone and neck.

        Returns:
            None where the input is a map, or patches alone.
        """
        feature = feats if isinstance(feats, Tensor) else feats[-1]
        if feature.dim() != 3:
            return None
        height, width = self.map_of_tokens(feature).shape[2:]
        return feature[:, 0] if feature.shape[1] > height * width else None

    @property
    def spatial_attention(self) -> bool:
        """Whether there are spatial maps of the classes."""
        return self.attention.has_maps

    def attend(self, feats: Features) -> AttentionMaps:
        """Computes the attention maps of every class; for SRDL, Eqs. (3)-(5)."""
        return self.attention.attend(self.pre_logits(feats), self.label_side().attention)

    def score_images(self, feats: Features, labels: LabelSide | None = None) -> ScoredImages:
        """Runs one pass over what backbone and neck returned.

        Args:
            feats: Output of backbone and neck.
            labels: The label side. Defaults to that of :meth:`label_side`.
        """
        labels = self.label_side() if labels is None else labels
        scored = self.score(self.pre_logits(feats), labels, self.class_token(feats))
        scored.feats = feats
        return scored

    def score(
        self, feature_map: Tensor, labels: LabelSide, token: Tensor | None = None
    ) -> ScoredImages:
        """Runs one pass over what :meth:`pre_logits` and :meth:`label_side` returned.

        Args:
            feature_map: F, [B, D, H, W].
            labels: The label side.
            token: Output of :meth:`class_token`.
        """
        maps = self.attention(feature_map, labels.attention)
        maps.token = token
        pooled = self.attention.pool(maps)  # (B, C, E)
        feature = pooled if self.relation is None else self.relation(pooled, maps)
        given = dict(maps=maps) if self._classifier_takes_maps else {}
        logits = self.classifier(feature, labels=labels.classifier, **given)
        if self.map_score_weight:
            logits = logits.lerp(maps.top_scores().to(logits.dtype), self.map_score_weight)
        return ScoredImages(maps, pooled, logits, labels)

    def forward(self, feats: Features) -> Tensor:
        """Computes logits, [B, C]; for SRDL, Eqs. (2)-(6)."""
        return self.score_images(feats).logits

    def loss(self, feats: Features, data_samples: list[DataSample], **kwargs: object) -> dict:
        """Computes the losses; for SRDL, Eqs. (11)-(13).

        Args:
            feats: Output of backbone and neck.
            data_samples: With ``gt_score`` (1, 0 or -1) or ``gt_label``.
            **kwargs: Passed to the loss.

        Returns:
            ``loss_ori``, what the parts add, and ``loss_era`` while ``erasing`` is set. MMEngine
            adds them up.
        """
        scored = self.score_images(feats)
        return self.losses_of(scored, data_samples, **kwargs)

    def losses_of(
        self, scored: ScoredImages, data_samples: list[DataSample], **kwargs: object
    ) -> dict:
        """Computes the losses of a pass; see :meth:`loss`.

        Args:
            scored: Output of :meth:`score`.
            data_samples: With ``gt_score`` (1, 0 or -1) or ``gt_label``.
            **kwargs: Passed to the loss.
        """
        target = stack_targets(data_samples, self.num_classes)
        losses = {"loss_ori": self._one_loss(scored.logits, target, **kwargs)}
        parts = self._parts()
        for part in parts:
            auxiliary_losses: Any = getattr(part, "auxiliary_losses", None)
            if auxiliary_losses is not None:
                losses.update(auxiliary_losses(scored))
        if self.erasing is not None:
            erased, target = self._erased_pass(self.erasing, scored, target)
            losses["loss_era"] = self._one_loss(erased, target, **kwargs)  # Eq. (13): MMEngine sums
        for part in parts:
            adjust_losses: Any = getattr(part, "adjust_losses", None)
            if adjust_losses is not None:
                losses = adjust_losses(losses, scored)
        return losses

    def _one_loss(self, logits: Tensor, target: Tensor, **kwargs: object) -> Tensor:
        check_known(self.loss_module, target)
        # In half precision MMPretrain's AsymmetricLoss takes the logarithm of 0.
        logits = at_least_float32(logits)
        return self.loss_module(logits, target, avg_factor=logits.shape[0], **kwargs)

    def _erased_pass(
        self, erasing: ObjectErasing, scored: ScoredImages, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Scores the images again with the K erased classes; Eqs. (7)-(10).

        Without a relation the logits of the other classes stay as they are.

        Returns:
            Logits, [B, C], and the targets they are compared with, [B, C].
        """
        classes = erasing.select(scored.logits)  # (B, K)
        chosen = scored.maps.select(classes)
        region = erasing(chosen.spatial_map())  # (B, K, H, W)
        feature = self.attention.pool(chosen, region, erasing.erase_channel)  # (B, K, E)
        labels = scored.labels.classifier
        if self.relation is None:
            rescored = self.classifier(feature, classes, labels)
            if self.map_score_weight:
                top = chosen.top_scores(region).to(rescored.dtype)
                rescored = rescored.lerp(top, self.map_score_weight)
            erased = scored.logits.scatter(1, classes, rescored.to(scored.logits.dtype))
        else:
            everywhere = classes[..., None].expand_as(feature)
            every = scored.pooled.scatter(1, everywhere, feature.to(scored.pooled.dtype))
            erased = self.classifier(self.relation(every, scored.maps), labels=labels)
            if self.map_score_weight:
                top = scored.maps.top_scores()
                top = top.scatter(1, classes, chosen.top_scores(region).to(top.dtype))
                erased = erased.lerp(top.to(erased.dtype), self.map_score_weight)
        return erased, erasing.targets(target, classes)
