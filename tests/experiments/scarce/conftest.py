from pathlib import Path

import numpy as np
import pytest

from experiments.prepared import digest
from experiments.scarce.maps import pool_maps
from experiments.scarce.prepared import SCORES, Prepared, chance_level, write_teacher


@pytest.fixture(scope="session")
def prepared(tiny_maps: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What ``prepare --tier frozen`` writes, of ten images and a teacher of random scores."""
    out = tmp_path_factory.mktemp("prepared")
    train, val = pool_maps(tiny_maps, out)
    scores = np.random.default_rng(0).random(train.labels.shape)
    teacher = write_teacher(
        out, scores, scores, train.labels, train.classes, train.images, threshold=0.3
    )
    Prepared(
        tier="frozen",
        train=10,
        val=10,
        classes=20,
        positives=10.0,
        chance=chance_level(val.labels),
        sources={"train": train.fingerprint, "teacher": digest(out / SCORES)},
        teacher=teacher,
    ).save(out)
    return str(out)
