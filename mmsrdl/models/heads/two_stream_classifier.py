"""Scores of SigRL and MKT: the best patches, and the whole image."""

from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.attention import AttentionMaps
from mmsrdl.models.heads.class_classifier import FeatureClassifier
from mmsrdl.models.precision import at_least_float32, full_precision
from mmsrdl.registry import MODELS

NORMALISATIONS = ("class_l2", "cosine")
EPS = 1e-12


@MODELS.register_module()
class TwoStreamClassifier(FeatureClassifier):
    r"""Scores labels by the k patches and by the class token that fit their vectors best.

    .. math:: l_c = \frac{1}{k} \sum_{p \in top_k} P_p^T t_c, \quad g_c = q^T t_c, \quad
        s_c = \frac{\alpha}{2} \left( N(l)_c + N(g)_c \right)

    with patches P, class token q, label vectors t and

    - ``normalise='class_l2'``: :math:`N(l) = l / \|l\|_2` over the labels of the vocabulary, as
      published. The score of a label depends on which others are asked for; a label that is asked
      for alone has the score of :math:`\pm \alpha` or 0, whatever the image shows;
    - ``normalise='cosine'``: P_p, q and t_c are divided by their own norms, which is ours. The
      score of a label is then the same in every vocabulary, as far as P and t are.

    With one stream the score is that of it alone. Source: SigRL (arXiv 2504.03801) and MKT
    (arXiv 2207.01887), as in their public code. Scores lie in :math:`[-\alpha, \alpha]`; their
    sigmoid ranks labels and is no calibrated probability.

    Args:
        embed_dims: d' of the label vectors.
        in_channels: D of the patches, which must be d'.
        topk: k; SigRL has 16 of 196 patches.
        local: Whether patches are scored.
        glob: Whether the class token is.
        normalise: ``'class_l2'`` or ``'cosine'``.
        scale: :math:`\alpha`; 1 as published.

    Raises:
        TypeError: If a number is of another type.
        ValueError: If an option is out of range, there is no stream, or D is not d'; in
            :meth:`forward`, if what a stream needs is not there.
    """

    def __init__(
        self,
        embed_dims: int,
        in_channels: int,
        topk: int = 16,
        local: bool = True,
        glob: bool = True,
        normalise: str = "class_l2",
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        check_integer("topk", topk, low=1, example=16)
        check_number("scale", scale, low=0, example=1.0)
        if scale == 0:
            raise ValueError("scale=0 gives all labels one score; use 1.0, or more")
        if normalise not in NORMALISATIONS:
            raise ValueError(f"normalise={normalise!r} is unknown; use one of {NORMALISATIONS}")
        if not (local or glob):
            raise ValueError("local=False and glob=False leave no score; set one of them to True")
        if embed_dims != in_channels:
            raise ValueError(
                f"TwoStreamClassifier multiplies label vectors of {embed_dims} with features of "
                f"{in_channels}; give label vectors of this size, or let the neck end with "
                f"features of {embed_dims}: dict(type='mmsrdl.CLIPProjection', out_channels="
                f"{embed_dims})"
            )
        self.topk, self.local, self.glob = topk, local, glob
        self.normalise, self.scale = normalise, scale

    def embed_labels(self, x: Tensor | None) -> Tensor | None:
        """Returns the label vectors, [C, D]."""
        return x

    def forward(
        self,
        feature: Tensor,
        classes: Tensor | None = None,
        labels: Tensor | None = None,
        maps: AttentionMaps | None = None,
    ) -> Tensor:
        """Computes scores, [B, C].

        Args:
            feature: Not looked at: the streams are in ``maps``.
            classes: Not supported, as the attention is not erasable.
            labels: Label vectors, [C, D].
            maps: With ``scores``, [B, C, P], what they are products of, and ``token``.
        """
        assert maps is not None  # the head saw to it
        assert labels is not None  # the constructor saw to it
        streams = []
        if self.local:
            of_patches = labels if maps.vectors is None else maps.vectors
            streams.append(self._local(maps, at_least_float32(of_patches)))
        if self.glob:
            streams.append(self._global(maps, at_least_float32(labels)))
        if self.normalise == "class_l2":
            streams = [F.normalize(stream, dim=1) for stream in streams]
        return self.scale * sum(streams[1:], streams[0]) / len(streams)

    def _local(self, maps: AttentionMaps, vectors: Tensor) -> Tensor:
        """Scores by the best patches, [B, C]."""
        if maps.scores is None:
            raise ValueError(
                "TwoStreamClassifier with local=True needs an attention that scores every patch, "
                "such as dict(type='mmsrdl.PatchScores')"
            )
        scores = at_least_float32(maps.scores)
        if scores.shape[2] < self.topk:
            raise ValueError(
                f"topk={self.topk} exceeds the {scores.shape[2]} patches of an image; use a "
                "smaller one, or larger images"
            )
        if self.normalise == "cosine":
            norms = at_least_float32(maps.feature).norm(dim=2)[:, None]  # (B, 1, P)
            scores = scores / (norms * vectors.norm(dim=1)[:, None]).clamp(min=EPS)
        return scores.topk(self.topk, dim=2).values.mean(2)

    def _global(self, maps: AttentionMaps, vectors: Tensor) -> Tensor:
        """Scores by the class token, [B, C]."""
        if maps.token is None:
            raise ValueError(
                "TwoStreamClassifier with glob=True needs the class token of a vision transformer: "
                "let the backbone return all tokens (out_type='raw', with_cls_token=True), or set "
                "glob=False"
            )
        token = at_least_float32(maps.token)
        if self.normalise == "cosine":
            token, vectors = F.normalize(token, dim=1), F.normalize(vectors, dim=1)
        with full_precision(token):  # half precision would tie the scores of many labels
            return token @ vectors.t()
