"""Class lists by name, and from files of names."""

import json
from collections import Counter
from collections.abc import Sequence
from os.path import expanduser

from mmengine.fileio import get_text

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.categories import COCO_CATEGORIES, VOC_CATEGORIES

MAX_CLASSES = 100_000
"""Several times the largest vocabularies that are labelled, of some 20,000 classes."""

CLASS_LISTS = {"coco": COCO_CATEGORIES, "voc": VOC_CATEGORIES}


def resolve_classes(classes: Sequence[str] | str) -> tuple[str, ...]:
    """Returns class names in order.

    Args:
        classes: Names, or ``'coco'`` (80, in category-id order) or ``'voc'`` (20).

    Raises:
        ValueError: If the list is unknown, empty, or has a name twice.
        TypeError: If an entry is not a string.
    """
    if isinstance(classes, str):
        if classes not in CLASS_LISTS:
            raise ValueError(
                f"classes={classes!r} is no known list; give the names, or one of "
                f"{', '.join(map(repr, CLASS_LISTS))}"
            )
        return tuple(CLASS_LISTS[classes])
    if not isinstance(classes, Sequence):
        raise TypeError(f"classes={classes!r} must be a sequence of class names")
    names = tuple(classes)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"classes={names!r} must be class names (strings)")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if not names or twice:
        raise ValueError(
            "classes must hold at least one name and none twice"
            + (f"; twice: {', '.join(map(repr, twice))}" if twice else "")
        )
    return names


def read_class_names(path: str) -> list[str]:
    """Reads class names from a text file, one a line; blank lines are left out.

    Raises:
        ValueError: If it is no text file in UTF-8, a name stands on two lines, or there are none or
            more than :data:`MAX_CLASSES`.
    """
    try:
        text = get_text(expanduser(path)).removeprefix("\ufeff")
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise ValueError(f"its line {line} holds NUL characters")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"classes='{path}' is no readable file of one class name a line, in UTF-8: {error}. "
            "Give such a file, or the names as a list"
        ) from error
    if _is_json(text):
        raise ValueError(
            f"classes='{path}' is json, and a file of one class name a line is wanted; give such a "
            "file, or the names as a list"
        )
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip()
        if name and lines.setdefault(name, number) != number:
            raise ValueError(
                f"lines {lines[name]} and {number} of classes='{path}' are both {name!r}; leave one"
            )
    if not lines:
        raise ValueError(f"classes='{path}' is empty; write at least one class name")
    check_class_count(len(lines), f"classes='{path}': ")
    return list(lines)


def check_class_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the class names of a data set as a tuple, after a check.

    Raises:
        ValueError: If there are none, or more than :data:`MAX_CLASSES`, one stands twice, or one is
            no string.
    """
    if isinstance(classes, str) or not isinstance(classes, Sequence):
        raise ValueError(f"classes={str(classes)[:200]!r} must be a list of class names")
    check_class_count(len(classes))
    odd = [name for name in classes if not isinstance(name, str) or not name.strip()]
    if odd:
        raise ValueError(
            f"class names must be strings that are not blank, got {first_of(odd)} (place "
            f"{classes.index(odd[0])})"
        )
    repeated = sorted(name for name, count in Counter(classes).items() if count > 1)
    if repeated or not classes:
        raise ValueError(
            f"class names must be given and differ from one another; repeated: {first_of(repeated)}"
        )
    return tuple(classes)


def check_class_count(count: int, where: str = "") -> None:
    """Refuses more classes than anything here is made for.

    Args:
        count: Number of classes.
        where: What names them, for the message, such as ``"classes='names.txt': "``.

    Raises:
        ValueError: If there are more than :data:`MAX_CLASSES`.
    """
    if count > MAX_CLASSES:
        raise ValueError(
            f"{where}{count:,} classes are more than {MAX_CLASSES:,}, and every image has a score "
            "of each; if these are no classes, such as names of images, mend the file"
        )


def first_difference(found: Sequence[str], wanted: Sequence[str]) -> str:
    """Describes where two lists of class names begin to differ.

    Args:
        found: Class names.
        wanted: Other ones.
    """
    if len(found) != len(wanted):
        return f"{len(found)} against {len(wanted)} classes"
    index = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
    return f"class {index} is {found[index]!r} against {wanted[index]!r}"


def _is_json(text: str) -> bool:
    """Whether it is a list or an object with content, and not names that begin with a bracket."""
    if text.lstrip()[:1] not in ("[", "{"):
        return False
    try:
        return bool(json.loads(text))
    except RecursionError:
        return True
    except ValueError:
        return False
