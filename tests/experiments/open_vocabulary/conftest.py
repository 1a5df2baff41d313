import numpy as np
import pytest

from experiments.open_vocabulary.combinations import ALL, SEEN, UNSEEN
from experiments.open_vocabulary.prepared import VECTORS, Prepared, chance_figures
from experiments.open_vocabulary.vectors import write_vectors
from tests.models import open_vocabulary  # noqa: F401  (registers the text encoder)

HASHED = dict(type="mmsrdl.HashEncoder", dims=48)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What ``prepare`` writes, with random vectors and without scenes and encoder."""
    out = tmp_path_factory.mktemp("prepared")
    kept = write_vectors(out / VECTORS, ALL, SEEN, HASHED)
    labels = (np.random.default_rng(0).random((50, len(ALL))) < 0.2).astype(np.int8)
    chance = chance_figures(labels, [ALL.index(name) for name in UNSEEN])
    encoder = {key: 2 * value for key, value in chance.items()}
    Prepared(
        train=40,
        val=50,
        other=60,
        positives=2.2,
        kept=kept,
        chance=chance,
        encoder=encoder,
        sources={"scenes": "a"},
    ).save(out)
    return str(out)
