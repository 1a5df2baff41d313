"""A part of an annotation file, as it was written, with all that it holds."""

import json
from collections.abc import Sequence

from mmsrdl.datasets.formats.csv_file import csv_rows, format_csv, has_header
from mmsrdl.datasets.formats.files import AnnotationFile
from mmsrdl.datasets.formats.voc_folder import voc_image_names

__all__ = ["SUBSET_ENDINGS", "format_subset"]

SUBSET_ENDINGS = {
    "csv": ".csv",
    "jsonl": ".jsonl",
    "openmmlab": ".json",
    "coco": ".json",
    "voc": ".txt",
}


def format_subset(file: AnnotationFile, indices: Sequence[int]) -> str:
    """Returns the text of an annotation file of some of the images.

    Nothing else is changed: further columns and keys, ids, masks and so on stay. Of VOC it is the
    list of image names, as the annotations are files of their own.

    Args:
        file: An annotation file that was opened and read without an error.
        indices: Places of the images in the file.
    """
    if file.format == "csv":
        rows = [cells for _, cells in csv_rows(file.path, file.content)]
        head = rows[:1] if has_header(rows[0]) else []
        images = rows[len(head) :]
        return format_csv([*head, *(images[i] for i in indices)])
    if file.format == "jsonl":
        lines = [line for line in file.content.split("\n") if line.strip()]
        return "".join(f"{lines[i]}\n" for i in indices)
    if file.format == "voc":
        names = voc_image_names(file.content, file.path)
        return "".join(f"{names[i]}\n" for i in indices)
    content = dict(file.content)
    if file.format == "openmmlab":
        content["data_list"] = [content["data_list"][i] for i in indices]
    else:
        content["images"] = [content["images"][i] for i in indices]
        ids = {image["id"] for image in content["images"]}
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] in ids]
    return json.dumps(content, ensure_ascii=False)
