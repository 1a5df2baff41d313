import numpy as np
import pytest
import torch

from experiments.scarce.prepared import SCORES, chance_level, write_teacher
from experiments.scarce.zero_shot import convex_combination
from mmsrdl.evaluation.scores_file import ScoresFile


def test_convex_combination_is_conse() -> None:
    rng = np.random.default_rng(0)
    logits, seen, unseen = rng.normal(size=(3, 7)), rng.normal(size=(7, 4)), rng.normal(size=(5, 4))
    found = convex_combination(*map(torch.from_numpy, (logits, seen, unseen)), top=3)
    for image in range(3):
        probability = np.exp(logits[image]) / np.exp(logits[image]).sum()
        best = np.argsort(-probability)[:3]
        mean = (
            sum(probability[k] * seen[k] / np.linalg.norm(seen[k]) for k in best)
            / probability[best].sum()
        )
        for c in range(5):
            cosine = mean @ unseen[c] / np.linalg.norm(mean) / np.linalg.norm(unseen[c])
            assert float(found[image, c]) == pytest.approx(cosine, abs=1e-12)


def test_a_name_that_was_learned_wins() -> None:
    seen = torch.eye(4)
    logits = torch.tensor([[0.0, 9.0, 0.0, 0.0], [0.0, 0.0, 0.0, 9.0]])
    assert convex_combination(logits, seen, seen[[3, 1]], top=2).argmax(-1).tolist() == [1, 0]


def test_the_teachers_file_holds_no_labels(tmp_path) -> None:
    labels = np.array([[1, 0], [0, 1], [1, -1]], dtype=np.int8)
    scores = np.array([[0.9, 0.2], [0.4, 0.5], [0.1, 0.8]])
    found = write_teacher(
        tmp_path, scores, scores, labels, ("a", "b"), ("0.jpg", "1.jpg", "2.jpg"), 0.3
    )
    # Above 0.3 and known: (0, a) and (1, b) are right, (1, a) is not; (2, a) is missed.
    assert found["pseudo_positives"] == 3
    assert found["precision"] == pytest.approx(200 / 3)
    assert found["recall"] == pytest.approx(200 / 3)
    file = ScoresFile.load(tmp_path / SCORES)
    assert (file.targets == -1).all()
    assert file.img_path == ("0.jpg", "1.jpg", "2.jpg")
    torch.testing.assert_close(file.scores, torch.from_numpy(scores).float())


def test_chance_is_the_mean_share_of_positives() -> None:
    labels = np.array([[1, 0], [0, -1], [0, 1], [0, 0]], dtype=np.int8)
    assert chance_level(labels) == pytest.approx(100 * (1 / 4 + 1 / 3) / 2)
