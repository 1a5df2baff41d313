"""CSV: an image a row, its labels in one cell, separated by ``;``."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.formats.annotations import Annotations, ImageRecord
from mmsrdl.datasets.formats.checks import Problem, check_distinct, collected

__all__ = ["SEPARATOR", "annotation_rows", "csv_rows", "format_csv", "has_header", "read_csv"]

SEPARATOR = ";"
COLUMNS = {
    "path": ("path", "image", "file", "filename", "file_name", "img_path", "image_path"),
    "labels": ("labels", "label", "tags"),
    "unknown": ("unknown",),
}
"""By what a column holds: the names that it may have."""

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm")
HINT = (
    "give it a first line path,labels or path,labels,unknown, and rows such as a.jpg,cat;dog "
    "(labels in one cell, separated by ';')"
)


def read_csv(path: str, text: str, problems: list[Problem] | None = None) -> Annotations:
    """Reads a CSV file with the header ``path,labels[,unknown]``.

    Names of columns may be other usual ones (``COLUMNS``), in any case and order. A file whose
    first cell is the name of an image has no header, and is read as ``path,labels``. An empty cell
    of labels is an image without labels. Further columns are not read.

    Args:
        path: The file, for messages.
        text: Its content.
        problems: Takes what is wrong with single rows, which are then left out.

    Raises:
        ValueError: If it is no such CSV; the message names the line.
    """
    rows = csv_rows(path, text, problems)
    first, head = next(rows, (0, []))
    if not head:
        raise ValueError(f"'{path}' is empty; {HINT}")
    bare = not has_header(head)
    places, unread = ({"path": 0, "labels": 1}, ()) if bare else _places(head, path)
    width = len(places) if bare else len(head)
    records = []
    for line, cells in itertools.chain([(first, head)] if bare else [], rows):
        with collected(problems, line):
            records.append(_record(cells, line, places, width, path))
    lines = [record.line for record in records]
    check_distinct([record.path for record in records], path, places=lines, problems=problems)
    return Annotations(records, source=path, unread=unread)


def csv_rows(
    path: str, text: str, problems: list[Problem] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Yields the line and the cells of every row that is not blank.

    Args:
        path: The file, for messages.
        text: Its content.
        problems: Takes what is wrong with single rows, which are then left out.

    Raises:
        ValueError: If a row is none of a CSV; the message names the line.
    """
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(
            f"line {line} of '{path}' holds NUL characters, so it is no CSV; write it again as "
            "UTF-8"
        )
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        cells: list[str] | None = []
        with collected(problems, line):
            cells = _next_row(reader, line, path)
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _next_row(reader: Iterator[list[str]], line: int, path: str) -> list[str] | None:
    """Returns the cells of the next row, None after the last."""
    try:
        return next(reader, None)
    except csv.Error as error:
        raise ValueError(
            f"line {line} of '{path}' is no row of a CSV: {error}; put a cell that holds a quote "
            'or a comma in quotes, and double the quotes in it: "a ""b"", c.jpg"'
        ) from error


def has_header(first: Sequence[str]) -> bool:
    """Returns whether the first row names columns, and no image."""
    return not first[0].strip().lower().endswith(IMAGE_ENDINGS)


def format_csv(rows: Iterable[Sequence[str]]) -> str:
    """Returns the text of a CSV file of these rows."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def annotation_rows(annotations: Annotations) -> Iterator[Sequence[str]]:
    """Yields the header and a row an image; ``unknown`` is a column where there is any."""
    columns = ["path", "labels"]
    if any(record.unknown for record in annotations.records):
        columns.append("unknown")
    yield columns
    for record in annotations.records:
        cells = record.path, SEPARATOR.join(record.labels), SEPARATOR.join(record.unknown)
        yield cells[: len(columns)]


def _places(head: list[str], path: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Returns the columns by what they hold, and the names of those that are not read."""
    names = [cell.strip().lower() for cell in head]
    places = {}
    for kind, synonyms in COLUMNS.items():
        found = [i for i, name in enumerate(names) if name in synonyms]
        if len(found) > 1:
            raise ValueError(
                f"the header of '{path}' has {len(found)} columns of {kind}, "
                f"{[head[i] for i in found]}; leave one"
            )
        if found:
            places[kind] = found[0]
    for kind in ("path", "labels"):
        if kind not in places:
            raise ValueError(
                f"the header of '{path}', {first_of(head)}, has no column of {kind}, which may be "
                f"named {', '.join(COLUMNS[kind])}; {HINT}"
            )
    unread = [cell for i, cell in enumerate(head) if i not in places.values()]
    return places, tuple(unread)


def _record(
    cells: list[str], line: int, places: dict[str, int], width: int, path: str
) -> ImageRecord:
    if len(cells) != width:
        raise ValueError(
            f"line {line} of '{path}' has {len(cells)} cells, not {width} as its first line has "
            f"columns: {first_of(cells, 5)}; {HINT}"
        )
    image = cells[places["path"]].strip()
    if not image:
        raise ValueError(f"line {line} of '{path}' names no image; give it one, or take it out")
    unknown = _names(cells[places["unknown"]]) if "unknown" in places else ()
    return ImageRecord(image, _names(cells[places["labels"]]), unknown, line=line)


def _names(cell: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in cell.split(SEPARATOR) if name.strip())
