"""Pseudo-labels from the scores of another model, such as a vision-language model."""

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.models.losses.asymmetric import focal_weight
from mmsrdl.models.losses.entropy_maximization import binary_entropy, entropy_maximization
from mmsrdl.models.losses.image_state import ImageStateLoss, Predict, epochs_after
from mmsrdl.registry import MODELS

__all__ = ["AsymmetricVLPLLoss", "ScoredPseudoLabelLoss", "VLPLLoss", "label_by_scores"]


def label_by_scores(
    scores: Tensor, threshold: float, negative_share: float = 0.0, temperature: float | None = None
) -> Tensor:
    r"""Makes pseudo-labels of scores.

    Positive where a score exceeds the threshold; negative are the
    :math:`\lfloor \delta C \rfloor` classes of an image that are scored lowest (of equal ones the
    first), even above the threshold.

    Source: Xing et al., Vision-Language Pseudo-Labels for Single-Positive Multi-Label Learning
    (VLPL), WACV 2024, and the code released with it.

    Args:
        scores: s, [N, C].
        threshold: On s, or on :math:`\mathrm{softmax}_c(s / T)`.
        negative_share: Share :math:`\delta` of the classes.
        temperature: T; None takes the scores as they are.

    Returns:
        1, 0 or -1 (none), int8 [N, C].
    """
    if temperature is not None:
        scores = (scores / temperature).softmax(1)
    labels = torch.where(scores > threshold, 1, -1).to(torch.int8)
    count = int(negative_share * scores.shape[1])
    return labels.scatter(1, scores.argsort(dim=1, stable=True)[:, :count], 0)


class ScoredPseudoLabelLoss(ImageStateLoss):
    r"""Loss of pseudo-labels that a file of scores gives.

    The file is what ``mmsrdl test --out`` writes, by any model; rows and columns are matched by the
    names of images and classes. It is read when training begins: a trained model needs it no more.

    Args:
        scores: File of scores of the training images.
        threshold: Pseudo-positives are scored above it.
        temperature: T of a softmax over the classes that the threshold is on, as for cosines; None
            takes scores as they are.
        alpha: Weight of the entropy. Published: 0.2 for VOC 2012, 0.1 for COCO 2014.
        negative_share: Share :math:`\delta` of the classes that are pseudo-negative in an image.
        warmup_epochs: Epochs of :class:`EntropyMaximizationLoss`, before pseudo-labels count.
        loss_weight: Factor of the loss.

    Raises:
        TypeError: If an argument is of another type.
        ValueError: If a number is out of range; in :meth:`start`, if the file lacks an image or a
            class; in :meth:`start_epoch`, if no epoch follows the warm-up.
        FileNotFoundError: In :meth:`start`, if there is no such file.
    """

    def __init__(
        self,
        scores: str | os.PathLike[str],
        threshold: float = 0.3,
        temperature: float | None = None,
        *,
        alpha: float = 0.2,
        negative_share: float = 0.0,
        warmup_epochs: int = 0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if not isinstance(scores, str | os.PathLike):
            raise TypeError(
                f"scores={scores!r} must be a file of scores of the training images, such as "
                "'teacher.npz', which `mmsrdl test --out` writes"
            )
        check_number("threshold", threshold, low=-torch.inf, example=0.3)
        if temperature is not None:
            check_number("temperature", temperature, low=1e-6, example=0.01)
        check_number("negative_share", negative_share, low=0, high=1, example=0.0)
        check_number("alpha", alpha, low=0, example=0.2)
        check_integer("warmup_epochs", warmup_epochs, low=0, example=0)
        self.scores, self.threshold, self.temperature = scores, threshold, temperature
        self.negative_share, self.alpha, self.warmup_epochs = negative_share, alpha, warmup_epochs
        # No buffer, whose size would have to be known when EMA copies the model.
        self._pseudo_labels = torch.empty(0, dtype=torch.int8)
        self._warm = warmup_epochs > 0

    def sources(
        self, labels: Tensor, images: Sequence[str], classes: Sequence[str]
    ) -> tuple[Tensor, ...]:
        """Returns the labels and the file's pseudo-labels, which it keeps, too."""
        try:
            scores = ScoresFile.load(os.path.expanduser(self.scores)).scores_of(images, classes)
        except ValueError as error:
            raise ValueError(f"model.head.loss.scores='{self.scores}': {error}") from error
        made = label_by_scores(scores, self.threshold, self.negative_share, self.temperature)
        self._pseudo_labels = made
        return labels, made

    def begin(self, labels: Tensor, resumed: bool) -> None:
        """Has nothing to make: the pseudo-labels are the file's."""

    def start_epoch(self, epoch: int, max_epochs: int, predict: Predict) -> None:
        """Ends the warm-up in its time."""
        epochs_after(self.warmup_epochs, max_epochs)
        self._warm = epoch < self.warmup_epochs

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the loss of every entry, [B, C]."""
        index = self.images_of(logits)
        if self._warm:
            return entropy_maximization(logits, label, self.alpha)
        pseudo = self._pseudo_labels[index].to(logits.device, logits.dtype)
        return self.supervised(logits, label, torch.where(label < 0, pseudo, -1))

    def supervised(self, logits: Tensor, label: Tensor, pseudo: Tensor) -> Tensor:
        """Computes the loss of every entry after the warm-up, [B, C].

        Args:
            logits: [B, C].
            label: 1, 0 or -1 (unknown), or between 0 and 1, [B, C].
            pseudo: 1, 0 or -1 (none), which it is where a label is known, [B, C].
        """
        raise NotImplementedError


@MODELS.register_module()
class VLPLLoss(ScoredPseudoLabelLoss):
    r"""Entropy maximisation with pseudo-labels of a vision-language model: VLPL.

    As :class:`EntropyMaximizationLoss`, but unknown entries that have a pseudo-label
    :math:`\hat{y}` of :func:`label_by_scores` are compared with that,

    .. math:: \ell_{ic} = \beta_\pm \mathrm{BCE}(x_{ic}, (1 - \epsilon) \hat{y}_{ic} +
        \epsilon (1 - \hat{y}_{ic}))

    with :math:`\beta_+` where it is positive and :math:`\beta_-` where it is negative.

    Source: Xing et al., Vision-Language Pseudo-Labels for Single-Positive Multi-Label Learning,
    WACV 2024, and the code released with it (its ``EM_PL``), whose numbers are the defaults. The
    paper has negative pseudo-labels; the released code leaves their entries out of the loss
    (:math:`\beta_- = 0`) and makes none (:math:`\delta = 0`) unless told to. Its model is CLIP
    ViT-L/14 at 336 px with ``temperature=0.01``; any scores will do. Known negatives, scale and
    logarithms: as in :class:`EntropyMaximizationLoss`.

    Args:
        *args: See :class:`ScoredPseudoLabelLoss`; the file of scores first.
        beta_pos: Weight :math:`\beta_+`.
        beta_neg: Weight :math:`\beta_-`.
        smoothing: :math:`\epsilon`, in [0, 0.5].
        **kwargs: See :class:`ScoredPseudoLabelLoss`.

    Raises:
        TypeError: See :class:`ScoredPseudoLabelLoss`.
        ValueError: Likewise.
        FileNotFoundError: Likewise.
    """

    def __init__(
        self,
        *args: Any,
        beta_pos: float = 0.7,
        beta_neg: float = 0.0,
        smoothing: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        check_number("beta_pos", beta_pos, low=0, example=0.7)
        check_number("beta_neg", beta_neg, low=0, example=0.0)
        check_number("smoothing", smoothing, low=0, high=0.5, example=0.1)
        self.beta_pos, self.beta_neg, self.smoothing = beta_pos, beta_neg, smoothing

    def supervised(self, logits: Tensor, label: Tensor, pseudo: Tensor) -> Tensor:
        """Computes cross entropy or negative entropy of every entry, [B, C]."""
        target = (1 - self.smoothing) * pseudo + self.smoothing * (1 - pseudo)
        compared = F.binary_cross_entropy_with_logits(logits, target.clamp(min=0), reduction="none")
        entries = entropy_maximization(logits, label, self.alpha)
        entries = torch.where(pseudo == 1, self.beta_pos * compared, entries)
        return torch.where(pseudo == 0, self.beta_neg * compared, entries)


@MODELS.register_module()
class AsymmetricVLPLLoss(ScoredPseudoLabelLoss):
    r"""Pseudo-labels and entropy maximisation with asymmetric focusing.

    With :math:`\hat{y}` the label, or where it is unknown the pseudo-label of
    :func:`label_by_scores`,

    .. math:: \ell_{ic} = \begin{cases} -(1 - p)^{\gamma_+} \log p & \hat{y}_{ic} = 1 \\
        -p^{\gamma_-} \log (1 - p) & \hat{y}_{ic} = 0 \\
        -(1 - p)^{\gamma_u} H(p) & \text{otherwise} \end{cases}

    with H of :func:`binary_entropy`. With all exponents 0 and everything known it is BCE.

    Source: the code released with VLPL (Xing et al., WACV 2024) and with SigRL (its ``EM_PL_ASL``),
    whose exponents are the defaults; neither paper's text was at hand. As there, gradients
    flow through the focusing weights, unlike in :class:`MultiLabelASLLoss`: of unknown entries the
    maximum of the weighted entropy lies below p = 1/2. That code shifts probabilities of negatives
    by a margin and does not use the result, so there is none. During the warm-up it is
    :class:`EntropyMaximizationLoss`. Known negatives have the form of pseudo-negatives; of a soft
    label each half has its own weight. Scale and logarithms: see :class:`TriStateLoss`.

    Args:
        *args: See :class:`ScoredPseudoLabelLoss`; the file of scores first. SigRL's temperature is
            0.03; alpha counts during the warm-up.
        gamma_pos: Exponent :math:`\gamma_+`.
        gamma_neg: Exponent :math:`\gamma_-`.
        gamma_unknown: Exponent :math:`\gamma_u`.
        **kwargs: See :class:`ScoredPseudoLabelLoss`.

    Raises:
        TypeError: See :class:`ScoredPseudoLabelLoss`.
        ValueError: Likewise.
        FileNotFoundError: Likewise.
    """

    def __init__(
        self,
        *args: Any,
        gamma_pos: float = 2.0,
        gamma_neg: float = 4.0,
        gamma_unknown: float = 4.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        check_number("gamma_pos", gamma_pos, low=0, example=2.0)
        check_number("gamma_neg", gamma_neg, low=0, example=4.0)
        check_number("gamma_unknown", gamma_unknown, low=0, example=4.0)
        self.gamma_pos, self.gamma_neg = gamma_pos, gamma_neg
        self.gamma_unknown = gamma_unknown

    def supervised(self, logits: Tensor, label: Tensor, pseudo: Tensor) -> Tensor:
        """Computes focused cross entropy or negative entropy of every entry, [B, C]."""
        target = torch.where(label < 0, pseudo, label)
        known = target.clamp(min=0)
        compared = known * focal_weight(logits, self.gamma_pos) * -F.logsigmoid(logits)
        negative = focal_weight(-logits, self.gamma_neg) * -F.logsigmoid(-logits)
        compared = compared + (1 - known) * negative
        unknown = -focal_weight(logits, self.gamma_unknown) * binary_entropy(logits)
        return torch.where(target < 0, unknown, compared)
