"""Which labels of a data set are known, drawn reproducibly, and kept in a small file."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.class_names import check_class_names
from mmsrdl.datasets.npz import name_array, read_npz, write_npz
from mmsrdl.datasets.observation.statistics import ObservationStatistics, count_known

__all__ = ["KEEP", "Observation", "draws_of", "observe", "source_of"]

KEEP: dict[str, tuple[str, ...]] = {"entries": ("p",), "positives": ("n",), "one_positive": ()}
"""What can be kept, and the arguments that say how much."""


@dataclass(frozen=True, eq=False)
class Observation:
    """Which labels of N images and C classes are known.

    Attributes:
        known: bool [N, C]; where a label is known. Those that the data set does not know itself
            are False.
        images: N names that differ: paths below the folder of the images, with ``/``.
        classes: C class names.
        settings: What was asked for, such as ``dict(keep='entries', p=0.1, seed=1200)``.
        source: SHA-256 of the labels before they were hidden, see :func:`source_of`.

    Raises:
        ValueError: If the parts do not fit each other.
    """

    known: np.ndarray
    images: tuple[str, ...]
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    source: str

    def __post_init__(self) -> None:
        shape = (len(self.images), len(self.classes))
        if self.known.dtype != np.bool_ or self.known.shape != shape:
            raise ValueError(
                f"known must be bool {list(shape)} for {shape[0]} images and {shape[1]} classes, "
                f"got {self.known.dtype} {list(self.known.shape)}"
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an npz file without pickles, a bit an entry, as a whole or not at all.

        Args:
            path: File with the ending .npz; its folder is made.

        Raises:
            ValueError: If ``path`` has another ending.
        """
        if Path(path).suffix != ".npz":
            raise ValueError(f"observation='{path}' must end in .npz")
        arrays = {
            "known": np.packbits(self.known, axis=1),
            "images": name_array(self.images, "image"),
            "classes": name_array(self.classes, "class"),
            "settings": np.array(json.dumps(dict(self.settings))),
            "source": np.array(self.source),
        }
        write_npz(path, arrays, compressed=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Observation":
        """Reads what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is something else.
        """
        keys = ("known", "images", "classes", "settings", "source")
        bits, images, classes, settings, source = read_npz(path, keys, "observation")
        try:
            known = np.unpackbits(bits, axis=1, count=len(classes)).astype(np.bool_)
            names = tuple(map(str, images.tolist()))
            read = json.loads(str(settings))
            if not isinstance(read, dict):
                raise ValueError(f"its settings are a {type(read).__name__}")
            return cls(known, names, tuple(map(str, classes.tolist())), read, str(source))
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(
                f"observation='{path}' is no file of `mmsrdl data observe`: {error}; write it again"
            ) from error

    def statistics(self, labels: np.ndarray) -> ObservationStatistics:
        """Counts what is known and what is hidden.

        Args:
            labels: Labels before they were hidden, [N, C]: 1 positive, 0 negative, -1 unknown.
        """
        return count_known(np.asarray(labels), self.known, self.classes)

    def aligned(
        self, labels: np.ndarray, images: Sequence[str], classes: Sequence[str]
    ) -> "Observation":
        """Puts images and classes in the order of a data set, which must be the source.

        Args:
            labels: Labels of the data set before they are hidden, [N, C] of 1, 0 and -1.
            images: Its N images.
            classes: Its C classes.

        Raises:
            ValueError: If its classes, images or labels are others than those of the source; the
                message says which.
        """
        for what, mine, theirs in (
            ("classes", self.classes, classes),
            ("images", self.images, images),
        ):
            if set(mine) != set(theirs) or len(mine) != len(theirs):
                raise ValueError(f"other {what}: {_differences(mine, theirs)}")
        if source_of(labels, images, classes) != self.source:
            raise ValueError(
                "other labels of the same images and classes: the annotations, or how difficult "
                "objects are taken, are not those of then"
            )
        rows, columns = _places(self.images, images), _places(self.classes, classes)
        return replace(
            self, known=self.known[rows][:, columns], images=tuple(images), classes=tuple(classes)
        )


def observe(
    labels: Any,
    images: Sequence[str],
    classes: Sequence[str],
    keep: str,
    seed: int,
    p: float | None = None,
    n: int | None = None,
) -> Observation:
    """Draws which labels stay known.

    ``keep='entries'`` keeps each entry, positive or negative, with probability ``p``, independently
    of all others, so that an image has p C known labels on average: the partial labels of Durand et
    al., CVPR 2019.

    ``keep='positives'`` keeps ``n`` positives of each image, drawn uniformly, or all where it has
    fewer, and no negative; ``'one_positive'`` is the same with n = 1, the single positive labels of
    Cole et al., CVPR 2021.

    What is drawn is a hash and needs no generator of random numbers, see :func:`draws_of`: it
    depends on the seed, the name of the image and the names of the classes alone. Other images, the
    order of images or classes, the machine and versions of libraries change nothing. With one seed
    the entries known at p = 0.1 are among those known at p = 0.3, and one positive is among two.

    Args:
        labels: [N, C]; 1 positive, 0 negative, -1 unknown, which stays so.
        images: N names that differ.
        classes: C names that differ.
        keep: See above.
        seed: 0 or more.
        p: Probability in (0, 1], of ``'entries'``.
        n: Number of 1 or more, of ``'positives'``.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If an argument is missing, out of range or of no use, or the parts do not fit
            each other.
    """
    labels, images, classes = _checked(labels, images, classes)
    settings = checked_settings(keep, seed, p, n)
    number = 1 if keep == "one_positive" else n
    threshold = 1.0 if p is None else p
    known = np.zeros(labels.shape, dtype=np.bool_)
    order = np.array(_sorted_places(classes))
    for row, image in enumerate(images):
        draws = np.empty(len(classes))
        draws[order] = draws_of(image, len(classes), seed)
        if number is None:
            known[row] = draws < threshold
        else:
            positives = order[labels[row, order] == 1]
            ranked = positives[np.argsort(draws[positives], kind="stable")]
            known[row, ranked[:number]] = True
    source = source_of(labels, images, classes)
    return Observation(known & (labels != -1), images, classes, settings, source)


def draws_of(image: str, num_classes: int, seed: int) -> np.ndarray:
    """Returns the draws of an image, float64 [C] in [0, 1), of the classes sorted by name.

    They are the first 8 C bytes of SHAKE-256 (FIPS 202) of the text ``mmsrdl observation v1``,
    NUL, the seed in decimal digits, NUL, the name of the image, in UTF-8; of each 8 bytes, a
    little-endian integer, the upper 53 bits times 2^-53.
    """
    text = f"mmsrdl observation v1\0{seed}\0{image}"
    stream = hashlib.shake_256(text.encode()).digest(8 * num_classes)
    return (np.frombuffer(stream, dtype="<u8") >> np.uint64(11)) * 2.0**-53


def source_of(labels: np.ndarray, images: Sequence[str], classes: Sequence[str]) -> str:
    """Returns the SHA-256 of a data set's labels, whatever the order of images and classes.

    Hashed are, in UTF-8, the text ``mmsrdl labels v1``; NUL and name of each class, sorted; then of
    each image, sorted by name, two NULs, its name, NUL, and a byte a class in the order of the
    sorted classes: 1 positive, 0 negative, 255 unknown.

    Args:
        labels: [N, C]; 1 positive, 0 negative, -1 unknown.
        images: N names that differ.
        classes: C names that differ.

    Returns:
        64 hexadecimal digits.
    """
    columns = _sorted_places(classes)
    sorted_labels = np.asarray(labels).astype(np.int8)[:, columns]
    names = "".join(f"\0{classes[column]}" for column in columns)
    digest = hashlib.sha256(f"mmsrdl labels v1{names}".encode())
    for row in _sorted_places(images):
        digest.update(f"\0\0{images[row]}\0".encode())
        digest.update(sorted_labels[row].tobytes())
    return digest.hexdigest()


def checked_settings(keep: str | None, seed: int, p: float | None, n: int | None) -> dict[str, Any]:
    """Returns the settings of an observation as they are kept, after a check.

    Raises:
        TypeError: See :func:`observe`.
        ValueError: Likewise.
    """
    if keep not in KEEP:
        raise ValueError(f"keep={keep!r} must be one of {', '.join(map(repr, KEEP))}")
    check_integer("seed", seed, low=0, example=1200)
    given = {name: value for name, value in (("p", p), ("n", n)) if value is not None}
    if tuple(given) != KEEP[keep]:
        needs = KEEP[keep][0] if KEEP[keep] else "neither p nor n"
        raise ValueError(f"keep={keep!r} takes {needs}, got p={p!r} and n={n!r}")
    if p is not None:
        check_number("p", p, low=0, high=1, example=0.1)
        if p == 0:
            raise ValueError("p=0 leaves no label known; give a probability above 0, such as 0.1")
        given["p"] = float(p)
    if n is not None:
        check_integer("n", n, low=1, example=2)
        given["n"] = int(n)
    return {"keep": keep, "seed": int(seed), **given}


def _checked(
    labels: Any, images: Sequence[str], classes: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    labels, images = np.asarray(labels), tuple(images)
    classes = check_class_names(tuple(classes))
    if labels.shape != (len(images), len(classes)):
        raise ValueError(
            f"labels must be [{len(images)}, {len(classes)}] for {len(images)} images and "
            f"{len(classes)} classes, got {list(labels.shape)}"
        )
    if not np.isin(labels, (-1, 0, 1)).all():
        strange = sorted(set(np.unique(labels).tolist()) - {-1, 0, 1})
        raise ValueError(f"labels must be 1, 0 or -1, got {first_of(strange)}")
    twice = _repeated(images)
    if twice:
        raise ValueError(
            f"{len(twice)} images stand more than once in the data set, such as "
            f"{first_of(twice, 3)}: what is known of an image goes by its name; leave repeats out"
        )
    return labels.astype(np.int8), images, classes


def _repeated(names: Sequence[str]) -> list[str]:
    ordered = sorted(names)
    return sorted({a for a, b in pairwise(ordered) if a == b})


def _sorted_places(names: Sequence[str]) -> list[int]:
    return sorted(range(len(names)), key=names.__getitem__)


def _places(found: Sequence[str], wanted: Sequence[str]) -> list[int]:
    place = {name: index for index, name in enumerate(found)}
    return [place[name] for name in wanted]


def _differences(mine: Sequence[str], theirs: Sequence[str]) -> str:
    gone, new = sorted(set(mine) - set(theirs)), sorted(set(theirs) - set(mine))
    parts = [f"{len(mine)} then, {len(theirs)} now"]
    parts += [f"{len(gone)} are gone: {first_of(gone, 3)}"] if gone else []
    parts += [f"{len(new)} are new: {first_of(new, 3)}"] if new else []
    return "; ".join(parts)
