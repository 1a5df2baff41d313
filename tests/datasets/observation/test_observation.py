import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsrdl.datasets import Observation, observe
from mmsrdl.datasets.observation.observation import draws_of, source_of
from tests.datasets.observation.conftest import CLASSES, IMAGES, LABELS

DRAWS = {
    # printf 'mmsrdl observation v1\0%s\0%s' 1200 NAME | openssl dgst -shake256 -xoflen 24, of each
    # 8 bytes, the last first, the integer shifted by 11 bits.
    IMAGES[0]: [1181045199413105, 3122048941249061, 4008593252652006],
    IMAGES[1]: [0x93ED98DA1354D9BD >> 11, 0x5F6DA8E08E188CDA >> 11, 0x0F557CA79222EA1C >> 11],
}


def random_labels(images: int, classes: int) -> tuple[np.ndarray, list[str], list[str]]:
    rng = np.random.default_rng(0)
    labels = rng.choice([-1, 0, 1], p=[0.1, 0.5, 0.4], size=(images, classes)).astype(np.int8)
    return (
        labels,
        [f"folder/{i}.jpg" for i in range(images)],
        [f"class {c}" for c in range(classes)],
    )


@pytest.mark.parametrize("image", IMAGES)
def test_draws_are_those_computed_by_hand(image: str) -> None:
    assert draws_of(image, 3, 1200).tolist() == [number / 2**53 for number in DRAWS[image]]


def test_names_are_hashed_in_utf_8() -> None:
    # printf 'mmsrdl observation v1\0%s\0%s' 7 'Zürich/日本.jpg' | openssl dgst -shake256 -xoflen 8
    assert draws_of("Zürich/日本.jpg", 1, 7)[0] == (0xE986E8D87187D18A >> 11) / 2**53


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        # Draws: .131 .347 .445; .578 .373 .060
        (dict(keep="one_positive"), [[1, 0, 0], [0, 0, 1]]),
        (dict(keep="positives", n=1), [[1, 0, 0], [0, 0, 1]]),
        (dict(keep="positives", n=2), [[1, 1, 0], [0, 1, 1]]),
        (dict(keep="positives", n=9), [[1, 1, 0], [0, 1, 1]]),
        (dict(keep="entries", p=0.1), [[0, 0, 0], [0, 0, 1]]),
        (dict(keep="entries", p=0.36), [[1, 1, 0], [0, 0, 1]]),
        (dict(keep="entries", p=0.6), [[1, 1, 0], [1, 1, 1]]),
        (dict(keep="entries", p=1.0), [[1, 1, 0], [1, 1, 1]]),
    ],
)
def test_what_is_known_follows_from_the_draws(settings: dict[str, Any], known: list) -> None:
    observation = observe(LABELS, IMAGES, CLASSES, seed=1200, **settings)
    assert observation.known.astype(int).tolist() == known
    assert observation.settings == {"seed": 1200, **settings}


@pytest.mark.parametrize(
    "settings",
    [dict(keep="entries", p=0.3), dict(keep="positives", n=2), dict(keep="one_positive")],
)
def test_order_and_other_images_change_nothing(settings: dict[str, Any]) -> None:
    labels, images, classes = random_labels(60, 9)
    expected = observe(labels, images, classes, seed=3, **settings)
    rng = np.random.default_rng(1)
    rows, columns = rng.permutation(60), rng.permutation(9)
    found = observe(
        labels[rows][:, columns],
        [images[i] for i in rows],
        [classes[i] for i in columns],
        seed=3,
        **settings,
    )
    np.testing.assert_array_equal(found.known, expected.known[rows][:, columns])
    assert found.source == expected.source
    part = observe(labels[:7], images[:7], classes, seed=3, **settings)
    np.testing.assert_array_equal(part.known, expected.known[:7])
    assert part.source != expected.source


def test_less_is_known_among_more() -> None:
    labels, images, classes = random_labels(200, 9)
    shares = [observe(labels, images, classes, "entries", 0, p=p).known for p in (0.1, 0.3, 0.5, 1)]
    counts = [observe(labels, images, classes, "positives", 0, n=n).known for n in (1, 2, 3)]
    for fewer, more in (
        *pairwise(shares),
        *pairwise(counts),
    ):
        assert not (fewer & ~more).any()
        assert fewer.sum() < more.sum()
    np.testing.assert_array_equal(shares[-1], labels != -1)


def test_each_entry_is_kept_with_probability_p_independently() -> None:
    shape = (4000, 20)
    labels = np.zeros(shape, np.int8)
    images, classes = [f"{i}.jpg" for i in range(4000)], [f"{c:02}" for c in range(20)]
    first, second = (observe(labels, images, classes, "entries", s, p=0.3).known for s in (0, 1))
    for share, mean, number in (
        (first.mean(), 0.3, 80_000),
        (first.mean(0), 0.3, 4000),
        ((first & second).mean(), 0.09, 80_000),
        ((first[:, 1:] & first[:, :-1]).mean(), 0.09, 76_000),
        ((first[1:] & first[:-1]).mean(), 0.09, 79_980),
    ):
        assert np.abs(share - mean).max() < 4 * np.sqrt(mean * (1 - mean) / number)


def test_each_positive_is_kept_as_often() -> None:
    labels = np.tile(np.array([1, 0, 1, 1, -1, 1], np.int8), (8000, 1))
    known = observe(labels, [f"{i}" for i in range(8000)], list("abcdef"), "one_positive", 0).known
    assert (known.sum(1) == 1).all()
    share = known.mean(0)
    assert share[[1, 4]].tolist() == [0, 0]
    assert np.abs(share[[0, 2, 3, 5]] - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / 8000)


def test_source_is_the_hash_computed_by_hand() -> None:
    # printf 'mmsrdl labels v1\0bird\0cat\0dog\0\0%s\0\001\000\377\0\0%s\0\000\001\001' NAMES |
    # sha256sum
    expected = "abac23551a7062aab3ef09c8e3960dcd76b5ffee28cc562edb59134e3bb59a7a"
    labels = np.array([[1, 0, -1], [0, 1, 1]])
    assert source_of(labels, IMAGES, CLASSES) == expected
    assert source_of(labels[::-1, ::-1], IMAGES[::-1], CLASSES[::-1]) == expected
    labels[0, 2] = 0
    assert source_of(labels, IMAGES, CLASSES) != expected


@pytest.mark.parametrize("classes", [1, 8, 9])
def test_a_file_holds_it_all(classes: int, tmp_path: Path) -> None:
    labels, images, names = random_labels(5, classes)
    wanted = observe(labels, images, names, "entries", 2, p=0.5)
    wanted.save(tmp_path / "new" / "known.npz")
    found = Observation.load(tmp_path / "new" / "known.npz")
    np.testing.assert_array_equal(found.known, wanted.known)
    for name in ("images", "classes", "settings", "source"):
        assert getattr(found, name) == getattr(wanted, name)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["known.npz"]


def test_a_file_takes_a_bit_an_entry_and_no_more_than_the_names(tmp_path: Path) -> None:
    labels, images, names = random_labels(2000, 80)
    observe(labels, images, names, "entries", 2, p=0.5).save(tmp_path / "known.npz")
    assert (tmp_path / "known.npz").stat().st_size < 2000 * (80 / 8 + 8)


def test_nothing_is_left_of_a_file_that_was_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observation = observe(LABELS, IMAGES, CLASSES, "one_positive", 0)
    observation.save(tmp_path / "known.npz")
    content = (tmp_path / "known.npz").read_bytes()

    def fail(file: Any, **arrays: Any) -> None:
        file.write(b"PK")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(KeyboardInterrupt):
        observation.save(tmp_path / "known.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["known.npz"]
    assert (tmp_path / "known.npz").read_bytes() == content


def test_files_that_are_none(tmp_path: Path) -> None:
    observation = observe(LABELS, IMAGES, CLASSES, "one_positive", 0)
    with pytest.raises(ValueError, match=r"observation='.*known.bin' must end in .npz"):
        observation.save(tmp_path / "known.bin")
    with pytest.raises(FileNotFoundError, match=r"observation='.*known.npz' does not exist"):
        Observation.load(tmp_path / "known.npz")
    observation.save(tmp_path / "known.npz")
    with np.load(tmp_path / "known.npz") as file:
        arrays = dict(file)
    for key, value in (
        ("known", arrays["known"][:1]),
        ("known", arrays["known"].astype(np.int64)),
        ("settings", np.array("keep=entries")),
    ):
        np.savez(tmp_path / "known.npz", **{**arrays, key: value})
        with pytest.raises(ValueError, match=r"no file of `mmsrdl data observe`: .*; write it aga"):
            Observation.load(tmp_path / "known.npz")
    del arrays["source"]
    np.savez(tmp_path / "known.npz", **arrays)
    with pytest.raises(ValueError, match=r"must hold .* and 'source'"):
        Observation.load(tmp_path / "known.npz")


def test_it_goes_with_its_source_in_any_order() -> None:
    labels, images, classes = random_labels(20, 5)
    observation = observe(labels, images, classes, "entries", 0, p=0.5)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(20), rng.permutation(5)
    found = observation.aligned(
        labels[rows][:, columns], [images[i] for i in rows], [classes[i] for i in columns]
    )
    np.testing.assert_array_equal(found.known, observation.known[rows][:, columns])
    assert found.classes == tuple(classes[i] for i in columns)
    assert (found.source, found.settings) == (observation.source, observation.settings)


@pytest.mark.parametrize(
    ("images", "classes", "value", "message"),
    [
        (IMAGES, ("bird", "cat", "cow"), 1, r"classes: 3 then, 3 now; .*\['dog'\]; .*\['cow'\]"),
        (IMAGES, ("bird", "cat"), 1, r"classes: 3 then, 2 now; 1 are gone: \['dog'\]"),
        (IMAGES[:1], CLASSES, 1, r"images: 2 then, 1 now; 1 are gone: \['2008_000015.jpg'\]"),
        ((*IMAGES, "a.jpg"), CLASSES, 1, r"images: 2 then, 3 now; 1 are new: \['a.jpg'\]"),
        (IMAGES, CLASSES, 0, "other labels of the same images and classes"),
        (IMAGES, CLASSES, -1, "other labels of the same images and classes"),
    ],
)
def test_a_changed_source_is_refused(images: Any, classes: Any, value: int, message: str) -> None:
    observation = observe(LABELS, IMAGES, CLASSES, "one_positive", 0)
    labels = np.zeros((len(images), len(classes)), np.int8)
    labels[:2, :3] = np.array(LABELS)[: len(images), : len(classes)]
    labels[0, 1] = value
    with pytest.raises(ValueError, match=message):
        observation.aligned(labels, images, classes)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(keep="some"), ValueError, "keep='some' must be one of 'entries', 'positives', 'one_"),
        (dict(keep="entries"), ValueError, "keep='entries' takes p, got p=None and n=None"),
        (dict(keep="entries", p=0.1, n=1), ValueError, "takes p, got p=0.1 and n=1"),
        (dict(keep="positives", p=0.1), ValueError, "keep='positives' takes n, got p=0.1"),
        (dict(keep="one_positive", n=1), ValueError, "takes neither p nor n, got p=None and n=1"),
        (dict(keep="entries", p=0), ValueError, "p=0 leaves no label known"),
        (dict(keep="entries", p=1.5), ValueError, r"p=1.5 must be a number in \[0, 1\]"),
        (dict(keep="entries", p="10%"), TypeError, r"p='10%' must be a number in \[0, 1\]"),
        (dict(keep="positives", n=0), ValueError, "n=0 must be at least 1"),
        (dict(keep="positives", n=1.5), TypeError, "n=1.5 must be an integer"),
        (dict(keep="one_positive", seed=-1), ValueError, "seed=-1 must be at least 0"),
        (dict(keep="one_positive", seed=None), TypeError, "seed=None must be an integer"),
        (dict(labels=[[1, 2, 0], [0, 0, 0]]), ValueError, r"labels must be 1, 0 or -1, got \[2\]"),
        (dict(labels=[[1, 0], [0, 0]]), ValueError, r"labels must be \[2, 3\] .* got \[2, 2\]"),
        (dict(images=["a", "a"]), ValueError, r"1 images stand more than once .* \['a'\]"),
        (dict(classes=["a", "b", "a"]), ValueError, r"repeated: \['a'\]"),
    ],
)
def test_errors_name_the_argument(options: dict, error: type[Exception], message: str) -> None:
    arguments: dict[str, Any] = dict(labels=LABELS, images=IMAGES, classes=CLASSES, seed=0)
    with pytest.raises(error, match=message):
        observe(**{**arguments, "keep": "one_positive", **options})


def test_parts_that_do_not_fit() -> None:
    observation = observe(LABELS, IMAGES, CLASSES, "one_positive", 0)
    for known in (observation.known[:1], observation.known.astype(int)):
        with pytest.raises(ValueError, match=r"known must be bool \[2, 3\]"):
            replace(observation, known=known)


def test_statistics() -> None:
    labels = np.array([[1, 0, 1, -1], [0, 0, 1, 0], [1, -1, 0, 0]])
    known = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], bool)
    observation = Observation(known, ("a", "b", "c"), tuple("wxyz"), {}, "")
    statistics = observation.statistics(labels)
    assert statistics.known_positives.tolist() == [1, 0, 0, 0]
    assert statistics.known_negatives.tolist() == [0, 1, 0, 2]
    assert statistics.known_share == 4 / 12
    assert statistics.positive_share == 1 / 4
    assert statistics.negative_share == 3 / 6
    assert statistics.images_without_known_positive == 2
    assert statistics.classes_without_known_positive == ("x", "y", "z")
    found = json.loads(json.dumps(statistics.to_dict()))
    assert found["positives"] == [2, 0, 2, 0]
    assert found["negatives"] == [1, 2, 1, 2]
    assert str(statistics) == (
        "33.33% of 3 x 4 labels are known: 1 of 4 positives (25.0%), 3 of 6 negatives (50.0%); 2 "
        "images without a known positive"
    )
    with pytest.raises(ValueError, match=r"labels must be \[3, 4\] as known, got \[2, 4\]"):
        observation.statistics(labels[:2])


def test_no_positives_at_all_are_a_share_of_0() -> None:
    statistics = Observation(np.zeros((1, 1), bool), ("a",), ("x",), {}, "").statistics([[-1]])
    assert (statistics.positive_share, statistics.negative_share) == (0, 0)
