"""What ``prepare`` makes: scenes, vectors of the labels, the image encoder, and what it knows."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

import experiments.open_vocabulary.encoder  # noqa: F401  (registers neck and loss)
from experiments.open_vocabulary.combinations import ALL, SEEN, UNSEEN
from experiments.open_vocabulary.scenes import write_scenes
from experiments.open_vocabulary.vectors import write_vectors
from experiments.prepared import PreparedData, digest, read_config
from experiments.trainings import figures_of_run
from mmsrdl.apis import train
from mmsrdl.evaluation.functional.precision_recall import harmonic_mean

__all__ = ["CONFIGS", "ENCODER_FILE", "K", "Prepared", "chance_figures", "make_config", "prepare"]

CONFIGS = Path(__file__).parent / "configs"
ENCODER_FILE, SCENES, VECTORS = "encoder.pth", "scenes", "vectors.npz"
SEED, OTHER_SEED = 1, 2
K = (3, 5)
"""How many labels of an image are predicted, for the figures that count them."""


@dataclass(frozen=True, kw_only=True)
class Prepared(PreparedData):
    """What is known of the folder that was prepared.

    Attributes:
        other: Number of scenes that the encoder was trained on.
        kept: Share of the variance of the encoder's vectors in those of the file.
        chance: Figures of a random order, see :func:`chance_figures`.
        encoder: Figures of the image encoder as all trainings find it.
    """

    other: int
    kept: float
    chance: dict[str, float]
    encoder: dict[str, float]


def chance_figures(
    labels: np.ndarray, unseen: Sequence[int], k: Sequence[int] = K
) -> dict[str, float]:
    """Computes what a random order is expected to have, with the keys of ``OpenVocabularyMetric``.

    Its AP is the share of positives, but for what a finite number of images adds; of k labels
    drawn from C, k / C of those of any part are found.

    Args:
        labels: int [N, C]; 1 positive, 0 negative.
        unseen: Columns of the unseen classes.
        k: How many labels of an image are predicted.

    Returns:
        ``mAP`` and ``F1_top`` of every part, in percent.
    """
    share = (labels == 1).mean(0)  # (C,)
    is_unseen = np.zeros(labels.shape[1], dtype=bool)
    is_unseen[list(unseen)] = True
    parts = {
        "ZSL": (is_unseen, int(is_unseen.sum())),
        "GZSL": (np.ones_like(is_unseen), len(is_unseen)),
        "seen": (~is_unseen, len(is_unseen)),
        "unseen": (is_unseen, len(is_unseen)),
    }
    rows = {}
    for name, (columns, drawn_from) in parts.items():
        mean = float(share[columns].mean())
        rows[name] = {"mAP": mean}
        rows[name] |= {f"F1_top{each}": harmonic_mean(mean, each / drawn_from) for each in k}
    rows["H"] = {
        key: harmonic_mean(value, rows["unseen"][key]) for key, value in rows["seen"].items()
    }
    return {
        f"ov/{part}/{key}": 100 * value for part, row in rows.items() for key, value in row.items()
    }


def make_config(name: str, data: str, scenes: str = SCENES) -> Config:
    """Makes a config of the study with the data in a folder, which need not exist.

    Args:
        name: File name in :data:`CONFIGS`, without its ending.
        data: The folder.
        scenes: The folder of the scenes in it.
    """
    cfg = read_config(CONFIGS / f"{name}.py")
    embedder = cfg.model.head.embedder
    embedder.classes, embedder.word_vectors = list(SEEN), os.path.join(data, VECTORS)
    cfg.model.head.zsl_vocabulary = list(UNSEEN)
    for loader, classes in ((cfg.train_dataloader, SEEN), (cfg.val_dataloader, ALL)):
        loader.dataset.data_root = os.path.join(data, scenes)
        loader.dataset.metainfo = dict(classes=list(classes))
    cfg.val_evaluator = [
        dict(type="mmsrdl.MultiLabelMetric"),
        dict(type="mmsrdl.OpenVocabularyMetric", unseen=list(UNSEEN), k=list(K)),
    ]
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    return cfg


def prepare(
    out: str | os.PathLike[str],
    train_scenes: int = 1200,
    val: int = 1000,
    other: int = 2400,
    text: dict | None = None,
) -> Prepared:
    """Prepares the study: scenes, vectors of the labels, and the image encoder.

    The encoder learns on scenes of another seed, and of seen combinations alone, to have its class
    token near the vectors of an image's labels. It takes the place of CLIP's, which has learned
    from more than the data set that SigRL is trained on.

    Args:
        out: Folder to write.
        train_scenes: Number of training scenes.
        val: Number of validation scenes.
        other: Number of scenes of the other seed.
        text: Config of the text encoder; by default the one of :mod:`.vectors`.

    Raises:
        RuntimeError: If the text encoder is not installed.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    kept = write_vectors(folder / VECTORS, ALL, SEEN, text)
    write_scenes(folder / SCENES, train_scenes, val, SEED)
    write_scenes(folder / "other_scenes", other, 1, OTHER_SEED)
    cfg = make_config("encoder", str(folder), "other_scenes")
    cfg.val_dataloader.dataset.data_root = str(folder / SCENES)
    cfg.work_dir, cfg.randomness.seed = str(folder / "encoder_run"), OTHER_SEED
    model: Any = train(cfg)
    state = {name: x for name, x in model.state_dict().items() if not name.startswith("head.")}
    torch.save(state, folder / ENCODER_FILE)
    labels = _labels_of(folder / SCENES / "annotations" / "instances_val.json")
    prepared = Prepared(
        train=train_scenes,
        val=val,
        other=other,
        positives=float(labels.sum(1).mean()),
        kept=kept,
        chance=chance_figures(labels, [ALL.index(name) for name in UNSEEN]),
        encoder=figures_of_run(),
        sources={
            "train": digest(folder / SCENES / "annotations" / "instances_train.json"),
            "val": digest(folder / SCENES / "annotations" / "instances_val.json"),
            "vectors": digest(folder / VECTORS),
            "encoder": digest(folder / ENCODER_FILE),
        },
    )
    prepared.save(folder)
    return prepared


def _labels_of(path: Path) -> np.ndarray:
    """Reads the labels of scenes, [N, C] of 1 and 0; images without an object are left out."""
    content = json.loads(path.read_text(encoding="utf-8"))
    labels = np.zeros((len(content["images"]), len(content["categories"])), dtype=np.int8)
    for item in content["annotations"]:
        labels[item["image_id"] - 1, item["category_id"] - 1] = 1
    return labels[labels.any(1)]
