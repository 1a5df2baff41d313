"""Label embeddings as the codes of an autoencoder of word vectors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.models.embedders.word_vector_embedder import WordVectorEmbedder
from mmsrdl.models.precision import full_precision
from mmsrdl.registry import MODELS

if TYPE_CHECKING:
    from mmsrdl.models.heads import ScoredImages

OBJECTIVES = ("divide", "add")
STD = 0.4
"""Of random vectors; about that of GloVe's vectors of 300 dimensions."""


@MODELS.register_module()
class AutoencoderLabelEmbedder(WordVectorEmbedder):
    r"""Embeds every class by an autoencoder with tied weights: DSDL's semantic dictionary.

    .. math::
        M &= \phi(S W_1) W_2 \\
        \hat S &= \phi(M W_2^T) W_1^T \\
        q &= \frac{1}{C} \sum_c \cos(S_c, \hat S_c)

    with S [C, d'] the word vectors, :math:`\phi` LeakyReLU, and M [C, ``out_dims``] the
    embeddings. Source: DSDL (Zhou, Huang and Xing), arXiv 2012.12509, as in its public code: two
    layers without bias, whose transposes decode. There the whole loss is divided by q, which draws
    the reconstruction to the word vectors.

    The vectors S are never trained: an autoencoder that may change what it has to reconstruct can
    make it trivial. Without a file they are random and stay as they were drawn; codes then tell
    classes apart and know nothing of their likeness.

    Computed in float32 at least, also under autocast: they enter a linear system.

    Args:
        classes: C class names, or ``'coco'`` / ``'voc'``.
        word_vectors: File of word vectors, see :func:`load_word_vectors`. None: random ones.
        embed_dims: d'.
        hidden_dims: Size of the hidden layer.
        out_dims: Size of a code; where it is a dictionary of image features, theirs.
        negative_slope: Slope of LeakyReLU.
        objective: How q enters the loss: ``'divide'``: all losses are divided by it; ``'add'``:
            ``loss_reconstruction``, :math:`1 - q`, is added, which stays bounded where q is small.

    Raises:
        TypeError: If a size is no integer or the slope no number.
        ValueError: For an unknown option, or one out of range.
    """

    def __init__(
        self,
        classes: Sequence[str] | str,
        word_vectors: str | None = None,
        embed_dims: int = 300,
        hidden_dims: int = 1024,
        out_dims: int = 2048,
        negative_slope: float = 0.2,
        objective: str = "divide",
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(classes, word_vectors, embed_dims, False, std=STD, init_cfg=init_cfg)
        check_integer("hidden_dims", hidden_dims, low=1, example=1024)
        check_integer("out_dims", out_dims, low=1, example=2048)
        check_number("negative_slope", negative_slope, low=0, example=0.2)
        if objective not in OBJECTIVES:
            raise ValueError(f"objective={objective!r} is unknown; use one of {OBJECTIVES}")
        self.out_dims, self.negative_slope, self.objective = out_dims, negative_slope, objective
        self.w1 = nn.Parameter(torch.empty(embed_dims, hidden_dims))
        self.w2 = nn.Parameter(torch.empty(hidden_dims, out_dims))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the weights from U(-1/sqrt(n), 1/sqrt(n)), n the columns, as DSDL's code does."""
        for weight in (self.w1, self.w2):
            bound = weight.shape[1] ** -0.5
            nn.init.uniform_(weight, -bound, bound)

    def init_weights(self) -> None:
        """Reads the word vectors and draws the weights.

        Raises:
            ValueError: If the loss is divided by a q that is not positive.
        """
        super().init_weights()
        self.reset_parameters()
        if self.objective == "add":
            return
        with torch.no_grad():
            similarity = float(self.similarity(self()))
        if not similarity > 0:
            raise ValueError(
                f"objective='divide' divides the loss by the mean cosine of label vectors and "
                f"their reconstruction, which begins at {similarity:.3f} and must be positive; use "
                "larger hidden_dims and out_dims, or objective='add'"
            )

    def forward(self) -> Tensor:
        """Computes M, [C, out_dims]; it depends on labels alone, not on an image.

        Raises:
            RuntimeError: If no word vectors were ever loaded.
        """
        vectors = self.present_vectors()
        with full_precision(vectors):
            return F.leaky_relu(vectors @ self.w1, self.negative_slope) @ self.w2

    def reconstruct(self, codes: Tensor) -> Tensor:
        """Decodes M, [C, out_dims], to word vectors, [C, d']."""
        with full_precision(codes):
            return F.leaky_relu(codes @ self.w2.T, self.negative_slope) @ self.w1.T

    def similarity(self, codes: Tensor) -> Tensor:
        """Computes q, a scalar.

        Args:
            codes: M, [C, out_dims].
        """
        with full_precision(codes):
            return F.cosine_similarity(self.vectors, self.reconstruct(codes), dim=1).mean()

    def adjust_losses(self, losses: dict[str, Tensor], scored: "ScoredImages") -> dict[str, Tensor]:
        """Lets q into the losses; see ``objective``.

        Args:
            losses: Of the head and of all parts.
            scored: Of the pass, whose label side was made of the codes.

        Returns:
            The losses, and ``label_similarity``, q, for the log.
        """
        assert scored.labels.embedding is not None  # the head keeps the embedder's output
        similarity = self.similarity(scored.labels.embedding)
        shown = {"label_similarity": similarity.detach()}
        if self.objective == "add":
            return {**losses, "loss_reconstruction": 1 - similarity, **shown}
        return {**{name: value / similarity for name, value in losses.items()}, **shown}
