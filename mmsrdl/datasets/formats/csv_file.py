"""CSV: an image a row, its labels in one cell, separated by ``;``."""

import csv
import io
from collections.abc import Iterator

from mmsrdl.datasets.annotation_file import first_of, read_text
from mmsrdl.datasets.formats.annotations import Annotations, ImageRecord

__all__ = ["read_csv"]

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


def read_csv(path: str) -> Annotations:
    """Reads a CSV file with the header ``path,labels[,unknown]``.

    Names of columns may be other usual ones (``COLUMNS``), in any case and order. A file whose
    first cell is the name of an image has no header, and is read as ``path,labels``. An empty cell
    of labels is an image without labels. Further columns are not read.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such CSV in UTF-8; the message names the line.
    """
    text = read_text(path, "give the path of a CSV file")
    rows = _rows(text, path)
    first, head = next(rows, (0, []))
    if not head:
        raise ValueError(f"'{path}' is empty; {HINT}")
    has_header = not head[0].strip().lower().endswith(IMAGE_ENDINGS)
    places, unread = _places(head, path) if has_header else ({"path": 0, "labels": 1}, ())
    width = len(head) if has_header else len(places)
    records = [] if has_header else [_record(head, first, places, width, path)]
    records += [_record(cells, line, places, width, path) for line, cells in rows]
    _check_repeats(records, path)
    return Annotations(records, source=path, unread=unread)


def _rows(text: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the line and the cells of every row that is not blank."""
    if "\0" in text:
        raise ValueError(f"'{path}' holds NUL characters, so it is no CSV; write it again as UTF-8")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"line {line} of '{path}' is no row of a CSV: {error}; put a cell that holds a quote "
            'or a comma in quotes, and double the quotes in it: "a ""b"", c.jpg"'
        ) from error


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


def _check_repeats(records: list[ImageRecord], path: str) -> None:
    lines: dict[str, int] = {}
    for record in records:
        earlier = lines.setdefault(record.path, record.line)
        if earlier != record.line:
            raise ValueError(
                f"lines {earlier} and {record.line} of '{path}' are both of image "
                f"'{record.path}'; join their labels in one line"
            )
