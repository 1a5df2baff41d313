"""The head of SigRL and MKT, which answers for any names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmpretrain.structures import DataSample
from torch import nn

from mmsrdl.datasets.class_names import resolve_classes
from mmsrdl.models.build_part import build_part, names
from mmsrdl.models.embedders import VocabularyEmbedder
from mmsrdl.models.heads.class_feature_head import ClassFeatureHead, Features, LabelSide
from mmsrdl.registry import MODELS

BY_POSITION = ("num_classes", "classes")
"""Arguments of parts that belong to one list of labels."""


@MODELS.register_module()
class SigRLHead(ClassFeatureHead):
    """The :class:`ClassFeatureHead` of open vocabularies.

    Source: SigRL (arXiv 2504.03801), as in its public code: :class:`SVFRAttention` with the graph
    of labels, :class:`TwoStreamClassifier`, :class:`RankingLoss`. With ``PatchScores`` as attention
    it is MKT (arXiv 2207.01887).

    The labels that it scores are a vocabulary that can change at any time (:meth:`set_vocabulary`,
    :meth:`vocabulary`); what belongs to labels is looked up by name and is not in the state dict.
    Whether the score of a label depends on which others are asked for is a choice:

    - as published (``context='asked'`` of the attention, ``normalise='class_l2'`` of the
      classifier) it does;
    - with ``context='trained'`` and ``normalise='cosine'`` it does not: the attention sees the
      labels of the training (:meth:`set_trained_classes`), whatever is asked for.

    Args:
        in_channels: D of the tokens that the neck returns.
        embedder: Config of the label vectors; what it leaves open is
            ``mmsrdl.VocabularyEmbedder``'s.
        attention: Config of the attention; what it leaves open is ``mmsrdl.SVFRAttention``'s.
        classifier: Config of the classifier; what it leaves open is
            ``mmsrdl.TwoStreamClassifier``'s.
        loss: Config of the loss. Defaults to ``mmsrdl.RankingLoss``.
        distillation: Config of a part that keeps the image encoder near a frozen one, such as
            ``mmsrdl.FrozenTail``: its ``auxiliary_losses(scored)`` sees the neck's output as
            ``scored.feats`` and the class token as ``scored.maps.token``. None: without one.
        zsl_vocabulary: Names that :meth:`predict` scores by themselves, too, as a vocabulary of
            their own: the unseen labels, whose published scores are others among all labels. The
            backbone runs once for both.
        num_classes: C at first. Defaults to the number of the embedder's classes.
        **kwargs: See :class:`ClassFeatureHead`.

    Attributes:
        trained_classes: The names of the training; the embedder's classes at first.

    Raises:
        TypeError: See :class:`ClassFeatureHead`.
        ValueError: Likewise; or if the embedder's vocabulary cannot change, or a part belongs to
            one list of labels.
    """

    open_vocabulary = True
    embedder: VocabularyEmbedder

    def __init__(
        self,
        in_channels: int,
        embedder: dict,
        attention: dict | None = None,
        classifier: dict | None = None,
        loss: dict | None = None,
        distillation: dict | None = None,
        zsl_vocabulary: Sequence[str] | str | None = None,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        for name, part in (
            ("embedder", embedder),
            ("attention", attention or {}),
            ("classifier", classifier or {}),
        ):
            if not isinstance(part, dict):
                raise TypeError(
                    f"{name}={part!r} must be a dict; SigRLHead adds the type where it has none"
                )
        if num_classes is None:
            num_classes = len(resolve_classes(embedder.get("classes", ())))
        super().__init__(
            num_classes=num_classes,
            in_channels=in_channels,
            attention={"type": "mmsrdl.SVFRAttention", **(attention or {})},
            embedder={"type": "mmsrdl.VocabularyEmbedder", **embedder},
            classifier={"type": "mmsrdl.TwoStreamClassifier", **(classifier or {})},
            loss=loss or dict(type="mmsrdl.RankingLoss"),
            **kwargs,
        )
        self.trained_classes = self.embedder.classes
        self._check_open()
        self.zsl_vocabulary = None if zsl_vocabulary is None else resolve_classes(zsl_vocabulary)
        self._check_topk("zsl_vocabulary", self.zsl_vocabulary)
        self.distillation: nn.Module | None = None
        if distillation is not None:
            self.distillation = build_part("distillation", distillation, in_channels=in_channels)

    def _check_open(self) -> None:
        """Refuses parts that belong to one list of labels."""
        if not isinstance(self.embedder, VocabularyEmbedder):
            raise ValueError(
                f"embedder={type(self.embedder).__name__} has the label embeddings of one "
                "vocabulary, and SigRLHead is asked for any; use mmsrdl.VocabularyEmbedder"
            )
        for name in ("attention", "relation", "classifier"):
            part = getattr(self, name)
            closed = [] if part is None else [key for key in BY_POSITION if names(type(part), key)]
            if closed:
                raise ValueError(
                    f"{name}={type(part).__name__} belongs to one list of labels (it takes "
                    f"{' and '.join(closed)}), and SigRLHead is asked for any; use a part that "
                    "knows labels by their vectors alone, such as mmsrdl.PatchScores as attention "
                    "and mmsrdl.TwoStreamClassifier as classifier"
                )

    def _check_topk(self, argument: str, names: Sequence[str] | None) -> None:
        if names is not None and self.thr is None and self.topk > len(names):
            raise ValueError(
                f"{argument} has {len(names)} names, and topk={self.topk} of them are predicted; "
                "ask for more, or set the head's topk or thr"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """The names that are scored now."""
        return self.embedder.classes

    def set_vocabulary(self, classes: Sequence[str] | str) -> None:
        """Takes the names that are scored from now on, in this order.

        Args:
            classes: Names; also such as no training has seen, which the embedder has vectors of.

        Raises:
            TypeError: If a name is no string.
            ValueError: If there is none, two are one as they are spelled, one has no vector, or
                they are fewer than ``topk``; then nothing changes.
        """
        self._check_topk("classes", resolve_classes(classes))
        self.embedder.set_vocabulary(classes)
        self.num_classes = self.embedder.num_classes

    @contextmanager
    def vocabulary(self, classes: Sequence[str] | str) -> Iterator[None]:
        """Makes a context in which other names are scored; see :meth:`set_vocabulary`.

        Args:
            classes: The names.
        """
        before = self.classes
        self.set_vocabulary(classes)
        try:
            yield
        finally:
            self.set_vocabulary(before)

    def set_trained_classes(self, classes: Sequence[str] | str) -> None:
        """Says which labels the training has, for ``context='trained'``; their order is free.

        Args:
            classes: The names.
        """
        self.trained_classes = resolve_classes(classes)
        self._label_cache = {}

    def predict(
        self, feats: Features, data_samples: list[DataSample] | None = None
    ) -> list[DataSample]:
        """Predicts labels, and scores ``zsl_vocabulary`` by itself; see ``MultiLabelClsHead``.

        Args:
            feats: Output of backbone and neck.
            data_samples: Samples to be filled. Defaults to new ones.

        Returns:
            With ``pred_score`` [C] and ``pred_label``; and, if there is a ``zsl_vocabulary``, with
            it as ``unseen_vocabulary`` and sigmoids of its scores as ``pred_score_unseen``.
        """
        samples = super().predict(feats, data_samples)
        if self.zsl_vocabulary is not None:
            with self.vocabulary(self.zsl_vocabulary):
                scores = self(feats).sigmoid()
            for sample, score in zip(samples, scores, strict=True):
                sample.set_field(score, "pred_score_unseen")
                sample.set_field(self.zsl_vocabulary, "unseen_vocabulary")
        return samples

    def _parts(self) -> list[nn.Module]:
        """Returns the parts that may add to the losses, the distillation among them."""
        return [*super()._parts(), *([] if self.distillation is None else [self.distillation])]

    def _label_parts(self) -> list[nn.Module]:
        """Leaves the embedder out, whose vectors are known by their names."""
        return [part for part in super()._label_parts() if part is not self.embedder]

    def _embed_labels(self) -> LabelSide:
        attention: Any = self.attention
        if getattr(attention, "context", "asked") == "trained" and not self.training:
            attention.set_context(self.embedder.vectors_of(self.trained_classes))
        return super()._embed_labels()
