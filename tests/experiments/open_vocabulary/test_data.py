import json
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.open_vocabulary.combinations import ALL, SEEN, UNSEEN
from experiments.open_vocabulary.encoder import MultiPositiveSoftmaxLoss, TokensOfMap
from experiments.open_vocabulary.prepared import chance_figures
from experiments.open_vocabulary.scenes import write_scenes
from experiments.open_vocabulary.vectors import principal, write_vectors
from mmsrdl.datasets.demo_scenes import CLASSES, COLOURS
from mmsrdl.evaluation.functional import open_vocabulary_figures
from mmsrdl.models.embedders import VocabularyEmbedder
from tests.experiments.open_vocabulary.conftest import HASHED


def test_every_word_is_in_seen_and_in_unseen_combinations() -> None:
    assert (len(SEEN), len(UNSEEN), len(ALL)) == (63, 21, 84)
    assert set(SEEN) | set(UNSEEN) == set(ALL) == {f"{c} {s}" for c in COLOURS for s in CLASSES}
    for word in (*COLOURS, *CLASSES):
        for part in (SEEN, UNSEEN):
            assert any(word in name.split() for name in part)


def test_unseen_combinations_are_in_no_training_scene(tmp_path: Path) -> None:
    write_scenes(tmp_path, train=60, val=60, seed=0)
    shown = {}
    for split in ("train", "val"):
        path = tmp_path / "annotations" / f"instances_{split}.json"
        content = json.loads(path.read_text())
        names = {category["id"]: category["name"] for category in content["categories"]}
        assert tuple(names.values()) == ALL
        shown[split] = {names[item["category_id"]] for item in content["annotations"]}
        assert len(list((tmp_path / split).glob("*.jpg"))) == len(content["images"]) == 60
    assert shown["train"] <= set(SEEN)
    assert shown["val"] & set(UNSEEN)


def test_axes_are_those_of_the_reference() -> None:
    torch.manual_seed(0)
    colours, shapes = torch.randn(3, 12), torch.randn(4, 12)
    names = (colours[:, None] + shapes + 5).flatten(0, 1)
    reference, other = names[:10], names[10:]
    projected, kept = principal(names, reference, 5)  # sums of words differ in 2 + 3 dimensions
    assert kept == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(torch.cdist(projected, projected), torch.cdist(names, names))
    torch.testing.assert_close(principal(other, reference, 5)[0], projected[10:])
    assert principal(names, reference, 2)[1] < 0.95


def test_the_file_of_vectors_answers_by_name(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    assert 0 < write_vectors(path, ALL, SEEN, HASHED, dims=8) < 1
    embedder = VocabularyEmbedder(SEEN, 8, word_vectors=path, normalise=True)
    seen = embedder()
    embedder.set_vocabulary((*UNSEEN, SEEN[5]))
    assert embedder().shape == (22, 8)
    torch.testing.assert_close(embedder()[-1], seen[5])


def test_chance_is_what_random_scores_have() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((4000, 12)) < np.linspace(0.05, 0.4, 12)).astype(np.int8)
    wanted = chance_figures(labels, [1, 4, 7], k=(2,))
    scores = torch.from_numpy(rng.random(labels.shape))
    rows = open_vocabulary_figures(scores, torch.from_numpy(labels), [1, 4, 7], None, k=(2,))
    assert {key.split("/")[1] for key in wanted} == rows.keys()
    for key, value in wanted.items():
        _, part, figure = key.split("/")
        assert 100 * rows[part][figure] == pytest.approx(value, abs=1.5)


def test_the_mean_over_positions_takes_the_place_of_the_class_token() -> None:
    neck = TokensOfMap(in_channels=6, out_channels=4)
    last = torch.randn(2, 6, 3, 3)
    (tokens,) = neck((last,))
    assert tokens.shape == (2, 10, 4)
    torch.testing.assert_close(tokens[:, 0], tokens[:, 1:].mean(1))
    torch.testing.assert_close(tokens[:, 5], last[:, :, 1, 1] @ neck.proj)


def test_the_encoders_loss_is_the_mean_cross_entropy_of_the_positives() -> None:
    logits = torch.randn(2, 5, dtype=torch.float64)
    label = torch.tensor([[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]])
    losses = -logits.log_softmax(-1)
    wanted = ((losses[0, 1] + losses[0, 4]) / 2 + losses[1, 0]) / 2
    torch.testing.assert_close(MultiPositiveSoftmaxLoss()(logits, label), wanted)
