"""The parts of a data set as images with labels by name, read as far as they can be."""

from dataclasses import dataclass, field
from os.path import isabs

from mmengine.fileio import join_path

from mmsrdl.datasets.formats import (
    Annotations,
    ImageRecord,
    Problem,
    open_annotations,
    parse_annotations,
)

__all__ = ["DataSplit", "split_of_file"]


@dataclass
class DataSplit:
    """One part of a data set.

    Attributes:
        name: ``'train'``, ``'val'`` or ``'test'``.
        annotations: Its images and labels.
        images: Folder that relative paths of images are below.
        classes: The classes that it is read with; None where nothing lists them.
        problems: What could not be read.
    """

    name: str
    annotations: Annotations
    images: str
    classes: tuple[str, ...] | None = None
    problems: list[Problem] = field(default_factory=list)

    def path_of(self, record: ImageRecord) -> str:
        """Returns the file, or the address, of an image."""
        if "://" in record.path or isabs(record.path):
            return record.path
        return join_path(self.images, record.path)


def split_of_file(
    name: str, path: str, images: str | None = None, format: str = "auto"
) -> DataSplit:
    """Reads an annotation file as a split.

    Args:
        name: Name of the split.
        path: The file, see :func:`read_annotations`.
        images: Folder of its images. Defaults to the file's, or VOC's ``JPEGImages``.
        format: Format of the file.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    problems: list[Problem] = []
    annotations = Annotations([], source=path)
    try:
        annotations = parse_annotations(open_annotations(path, format), problems)
    except ValueError as error:
        problems.append(Problem(0, str(error)))
    folder = annotations.images if images is None else images
    return DataSplit(name, annotations, folder, annotations.classes, problems)
