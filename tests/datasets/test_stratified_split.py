import numpy as np
import pytest
import torch

from mmsrdl.datasets.stratified_split import part_sizes, stratified_split

SHARES = [0.7, 0.15, 0.15]


def long_tailed(number: int, classes: int = 30, seed: int = 0) -> np.ndarray:
    """Labels whose classes are from common to very rare, and go together in pairs."""
    random = np.random.default_rng(seed)
    shares = 0.5 / np.arange(1, classes + 1) ** 1.2
    labels = random.random((number, classes)) < shares
    labels[:, 1::2] |= labels[:, ::2] & (random.random((number, classes // 2)) < 0.3)
    return labels.astype(np.int64)


def deviation(labels: np.ndarray, part: np.ndarray, shares: list[float]) -> float:
    """Mean over classes of how far each part's share of the positives is from what it should be."""
    found = np.stack([labels[part == p].sum(0) for p in range(len(shares))]) / labels.sum(0)
    return float(np.abs(found - np.array(shares)[:, None]).mean())


@pytest.mark.parametrize("shares", [SHARES, [0.5, 0.5], [0.2] * 5])
@pytest.mark.parametrize("number", [200, 1001])
def test_shares_of_classes_are_nearer_than_of_random_splits(
    shares: list[float], number: int
) -> None:
    labels = long_tailed(number)
    labels = labels[:, labels.sum(0) > 0]
    part = stratified_split(labels, shares, seed=3)
    sizes = np.bincount(part, minlength=len(shares))
    assert sizes.tolist() == part_sizes(number, shares)
    ours = deviation(labels, part, shares)
    random = np.random.default_rng(0)
    others = [deviation(labels, random.permutation(part), shares) for _ in range(20)]
    # Of 200 images many classes have fewer positives than there are parts, which no split divides.
    assert ours < (1 if number == 200 else 0.5) * min(others)


def test_every_part_gets_rare_classes() -> None:
    labels = np.zeros((300, 3), dtype=np.int64)
    labels[:3, 0] = labels[2:8, 1] = labels[:, 2] = 1
    part = stratified_split(labels, [1 / 3] * 3)
    assert sorted(part[:3].tolist()) == [0, 1, 2]
    assert np.bincount(part[2:8]).tolist() == [2, 2, 2]
    assert np.bincount(part).tolist() == [100, 100, 100]


def test_seeds() -> None:
    labels = long_tailed(300)
    first = stratified_split(labels, SHARES, seed=1)
    np.testing.assert_array_equal(first, stratified_split(torch.tensor(labels), SHARES, seed=1))
    assert (first != stratified_split(labels, SHARES, seed=2)).any()


def test_unknown_labels_are_no_positives() -> None:
    labels = long_tailed(300)
    unknown = np.where(labels == 0, -1, labels)
    np.testing.assert_array_equal(
        stratified_split(labels, SHARES), stratified_split(unknown, SHARES)
    )


@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_together_and_sizes_are_exact(seed: int) -> None:
    labels = long_tailed(600)
    groups = np.arange(600)
    groups[:120] = np.arange(120) // 4
    groups[120:130] = 0
    part = stratified_split(labels, SHARES, groups.tolist(), seed)
    for group in np.unique(groups):
        assert len(set(part[groups == group])) == 1
    assert np.bincount(part).tolist() == [420, 90, 90]
    labels = labels[:, labels.sum(0) > 0]
    others = [
        deviation(labels, np.random.default_rng(i).permutation(part), SHARES) for i in range(9)
    ]
    assert deviation(labels, part, SHARES) < min(others)


def test_a_group_that_fits_nowhere_goes_where_most_room_is() -> None:
    part = stratified_split(np.ones((10, 1)), [0.6, 0.4], [0] * 8 + [1, 2])
    assert part[:8].tolist() == [0] * 8
    assert part[8:].tolist() == [1, 1]


def test_without_any_label() -> None:
    assert np.bincount(stratified_split(np.zeros((7, 2)), [0.5, 0.5])).tolist() == [4, 3]
    assert stratified_split(np.zeros((0, 2)), [0.5, 0.5]).shape == (0,)


@pytest.mark.parametrize(
    ("number", "shares", "sizes"),
    [(10, [0.7, 0.15, 0.15], [7, 2, 1]), (3, [0.8, 0.1, 0.1], [3, 0, 0]), (7, [1.0], [7])],
)
def test_part_sizes(number: int, shares: list[float], sizes: list[int]) -> None:
    assert part_sizes(number, shares) == sizes


@pytest.mark.parametrize(
    ("labels", "shares", "groups", "message"),
    [
        (np.zeros(3), SHARES, None, r"labels must be \[N, C\], got 1 dimensions"),
        (np.zeros((3, 1)), [0.7, 0.2], None, r"shares=\[0.7, 0.2\] must be positive and sum to 1"),
        (np.zeros((3, 1)), [1.5, -0.5], None, "must be positive and sum to 1"),
        (np.zeros((3, 1)), [], None, "must be positive and sum to 1"),
        (np.zeros((3, 1)), [1.0], [0, 1], "groups has 2 entries for 3 images"),
    ],
)
def test_wrong_arguments(labels: np.ndarray, shares: list, groups: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stratified_split(labels, shares, groups)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed=-2 must be at least 0"):
        stratified_split(np.ones((4, 1)), [0.5, 0.5], seed=-2)
