"""What would go wrong in training, found before it: files, labels, classes and splits."""

import re
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches

import torch
from PIL import Image

from mmsrdl.datasets.class_names import check_class_names
from mmsrdl.datasets.findings import LEVELS, DataReport, Finding
from mmsrdl.datasets.formats import ImageRecord
from mmsrdl.datasets.formats.csv_file import SEPARATOR
from mmsrdl.datasets.image_check import ImageFacts, Loader, inspect_image
from mmsrdl.datasets.splits import DataSplit

__all__ = ["check_data"]

SMALL = 32
"""Pixels of the shorter side below which an image is noted as small."""

HINTED = 100
"""Unknown labels for which the nearest class is looked for."""

PLAIN_MODES = ("RGB", "L")
MENDS = {
    "missing-file": "does not exist; fetch it, mend the path, or take it out",
    "empty-file": "is empty; fetch it again, or take it out",
    "not-an-image": "is no image; fetch it again, or take it out",
    "truncated-image": "is truncated, so that training stops at it, or skips it with "
    "on_bad_image='skip'; fetch it again, or take it out",
    "broken-image": "is damaged; fetch it again, or take it out",
    "unreadable-in-training": "cannot be read by training's loader; save it as JPEG or PNG",
}


Progress = Callable[[Iterable[ImageFacts], int], Iterable[ImageFacts]]


def check_data(
    splits: Sequence[DataSplit],
    load: Loader | None = None,
    classes: Sequence[str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> DataReport:
    """Reads every label and decodes every image of a data set.

    Args:
        splits: Its parts, the training set first. Labels are compared with the classes of each
            split, or else with those of the first.
        load: Training's loader of images. Defaults to :class:`LoadWholeImage`.
        classes: Class names for all splits, in place of their own.
        workers: Threads that decode. Defaults to PyTorch's number.
        progress: Wraps the results as they come, with their number, such as ``rich``'s ``track``.

    Returns:
        The report.

    Raises:
        ValueError: If there is no split, or class names are given and repeat.
    """
    if not splits:
        raise ValueError("splits=[] must hold at least one DataSplit; see split_of_file")
    if load is None:
        from mmsrdl.datasets.transforms import LoadWholeImage

        load = LoadWholeImage()
    first = splits[0].classes or splits[0].annotations.found_classes()
    wanted = check_class_names(classes) if classes is not None else first
    findings: list[Finding] = []
    for split in splits:
        own = wanted if classes is not None else split.classes or wanted
        findings += _check_labels(split, set(own))
    findings += _check_positives(splits, wanted)
    findings += _check_class_names(wanted, splits)
    findings += _check_separators(splits)
    facts = _inspect_all(splits, load, workers, progress)
    for split in splits:
        findings += _check_images(split, facts)
    findings += _check_repeats(splits, facts)
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    images: Counter[str] = Counter()
    for split in splits:
        images[split.name] += len(split.annotations.records)
    return DataReport(findings, tuple(wanted), dict(images))


def _check_labels(split: DataSplit, known: set[str]) -> Iterator[Finding]:
    """Finds what can be seen in the annotation file alone."""
    file = split.annotations.source
    for problem in split.problems:
        yield Finding(
            "error", "unreadable-annotation", problem.message, split.name, file, problem.line
        )
    records = split.annotations.records
    if not records and not split.problems:
        yield Finding("error", "no-images", f"'{file}' lists no image", split.name, file)
    hints: dict[str, list[str]] = {}

    def near_to(name: str) -> list[str]:
        if name not in hints:
            # A comparison with every class; what names thousands of others is another file.
            hints[name] = get_close_matches(name, known, n=1) if len(hints) < HINTED else []
        return hints[name]

    for record in records:
        yield from _check_record(split, record, known, near_to)


def _check_record(
    split: DataSplit, record: ImageRecord, known: set[str], near_to: Callable[[str], list[str]]
) -> Iterator[Finding]:
    def found(level: str, kind: str, message: str, name: str = "") -> Finding:
        return _of_record(level, kind, message, split, record, name)

    for name in dict.fromkeys((*record.labels, *record.unknown)):
        if name not in known:
            near = near_to(name)
            hint = f"did you mean '{near[0]}'?" if near else "add it to the classes, or mend it"
            yield found("error", "unknown-label", f"'{name}' is none of the classes; {hint}", name)
    for name, count in Counter(record.labels).items():
        if count > 1:
            text = f"'{name}' stands {count} times; once is enough"
            yield found("warning", "repeated-label", text, name)
    for name in dict.fromkeys(record.labels):
        if name in record.unknown:
            text = f"'{name}' is a label and unknown; it is taken as a label"
            yield found("warning", "label-and-unknown", text, name)
    if not record.labels:
        text = "has no label, so that it is negative for every class that is not unknown"
        yield found("note", "no-labels", text)


def _check_positives(splits: Sequence[DataSplit], classes: Sequence[str]) -> Iterator[Finding]:
    """Finds the classes that no image shows; several files of one split count together."""
    filled = [split for split in splits if split.annotations.records]
    shown: dict[str, set[str]] = {split.name: set() for split in filled}
    files: dict[str, str] = {}
    for split in filled:
        shown[split.name].update(
            name for record in split.annotations.records for name in record.labels
        )
        files.setdefault(split.name, split.annotations.source)
    for stage, names in shown.items():
        is_train = stage == "train"
        level = "error" if is_train else "warning"
        effect = "never learned" if is_train else "left out of its mAP"
        for name in classes:
            if name not in names:
                text = (
                    f"no image of {stage} shows '{name}', which is {effect}; add images of it, or "
                    "leave the class out"
                )
                yield Finding(level, "class-without-images", text, stage, files[stage], name=name)


def _check_class_names(classes: Sequence[str], splits: Sequence[DataSplit]) -> Iterator[Finding]:
    """Finds names that differ in case, blanks, underscores or hyphens alone."""
    alike: dict[str, dict[str, None]] = defaultdict(dict)
    labels = (
        name
        for split in splits
        for record in split.annotations.records
        for name in (*record.labels, *record.unknown)
    )
    for name in (*classes, *labels):
        key = re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", name)).casefold()
        alike[key][name] = None
    for names in alike.values():
        if len(names) > 1:
            text = " and ".join(map(repr, names))
            text += " differ in case, blanks or hyphens alone; if they are one class, write one"
            yield Finding("warning", "similar-class-names", text, name=next(iter(names)))


def _check_separators(splits: Sequence[DataSplit]) -> Iterator[Finding]:
    """Finds labels of CSV files that are several in one, separated by something else than ``;``.

    Names may hold commas and blanks. Those that probably separate labels are the ones between names
    that stand alone as well, and, where no image has two labels, all commas and bars, and blanks
    if the names outnumber their words.
    """
    csv = [split for split in splits if split.annotations.source.lower().endswith(".csv")]
    labels = [set(record.labels) for split in csv for record in split.annotations.records]
    names = {name for found in labels for name in found}
    alone = all(len(found) < 2 for found in labels)
    words = {word for name in names for word in name.split()}
    for separator in (",", "|", " "):
        parts = {name: {part.strip() for part in name.split(separator)} for name in names}
        always = alone and (separator != " " or len(words) < len(names))
        joined = [
            name
            for name in sorted(names)
            if len(parts[name]) > 1 and (always or (separator != " " and parts[name] <= names))
        ]
        if joined:
            text = (
                f"{len(joined)} of {len(names)} labels hold {separator!r}, such as '{joined[0]}'; "
                f"if that is several labels, separate them by '{SEPARATOR}'"
            )
            yield Finding("warning", "joined-labels", text, name=joined[0])


def _inspect_all(
    splits: Sequence[DataSplit], load: Loader, workers: int | None, progress: Progress | None
) -> dict[str, ImageFacts]:
    """Inspects every local file once."""
    paths = dict.fromkeys(
        split.path_of(record) for split in splits for record in split.annotations.records
    )
    local = [path for path in paths if "://" not in path]
    threads = workers or max(1, torch.get_num_threads())
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        # The filters are the process's, so they are set here and not in the threads.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        found: Iterable[ImageFacts] = pool.map(lambda path: inspect_image(path, load), local)
        if progress is not None:
            found = progress(found, len(local))
        return dict(zip(local, found, strict=True))


def _check_images(split: DataSplit, facts: dict[str, ImageFacts]) -> Iterator[Finding]:
    for record in split.annotations.records:
        path = split.path_of(record)
        fact = facts.get(path)
        if fact is None:
            yield _of_record("note", "not-checked", "is no local file", split, record)
        elif fact.fault:
            text = f"{MENDS[fact.fault]} ({fact.detail}: '{path}')"
            yield _of_record("error", fact.fault, text, split, record)
        else:
            yield from _notes_of(fact, split, record)


def _notes_of(fact: ImageFacts, split: DataSplit, record: ImageRecord) -> Iterator[Finding]:
    if fact.size and min(fact.size) < SMALL:
        text = f"is {fact.size[0]} x {fact.size[1]} pixels"
        yield _of_record("note", "small-image", text, split, record)
    if fact.mode and fact.mode not in PLAIN_MODES:
        text = f"has pixels of the form {fact.mode}; training sees three channels of 8 bits"
        yield _of_record("note", "unusual-pixels", text, split, record)


def _check_repeats(splits: Sequence[DataSplit], facts: dict[str, ImageFacts]) -> Iterator[Finding]:
    """Finds images that are there twice, by the SHA-256 of their files."""
    places: dict[str, list[tuple[DataSplit, ImageRecord]]] = defaultdict(list)
    for split in splits:
        for record in split.annotations.records:
            path = split.path_of(record)
            digest = facts[path].digest if path in facts else path
            if digest:
                places[digest].append((split, record))
    for group in places.values():
        (first, record), *others = group
        for split, other in others:
            yield from _compare(first, record, split, other)


def _compare(
    first: DataSplit, record: ImageRecord, split: DataSplit, other: ImageRecord
) -> Iterator[Finding]:
    line = f", line {record.line}" if record.line else ""
    where = f"'{record.path}' of {first.name}{line}"
    if first.name == split.name:
        text = f"is the same image as {where}; leave one"
        yield _of_record("warning", "repeated-image", text, split, other)
    else:
        text = (
            f"is the same image as {where}, so that figures of {split.name} are too good; take it "
            "out of one"
        )
        yield _of_record("error", "image-in-two-splits", text, split, other)
    labels, others = sorted(set(record.labels)), sorted(set(other.labels))
    if labels != others:
        text = f"has the labels {others}, but the same image {where} has {labels}; mend one"
        yield _of_record("warning", "contradictory-labels", text, split, other)


def _of_record(
    level: str, kind: str, message: str, split: DataSplit, record: ImageRecord, name: str = ""
) -> Finding:
    text = f"'{record.path}': {message}"
    file = split.annotations.source
    return Finding(level, kind, text, split.name, file, record.line, record.path, name)
