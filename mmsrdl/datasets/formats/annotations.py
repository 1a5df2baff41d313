"""The form that every annotation format is read into: images with labels by name."""

from dataclasses import dataclass, field

from mmsrdl.datasets.class_names import check_class_count

__all__ = ["Annotations", "Box", "ImageRecord"]


@dataclass(frozen=True)
class Box:
    """One object of an image.

    Attributes:
        name: Its class.
        bbox: x, y, width and height in pixels; x and y count from 0.
        difficult: Whether it is marked as one that evaluations leave out.
    """

    name: str
    bbox: tuple[float, float, float, float]
    difficult: bool = False


@dataclass(frozen=True)
class ImageRecord:
    """One image and its labels.

    Attributes:
        path: As the file has it; relative paths are below the images' folder.
        labels: Names of the classes that it shows; may be empty.
        unknown: Names of the classes of which it is not known whether it shows them, or that
            evaluations leave out.
        boxes: Its objects, where the format has boxes.
        size: Width and height in pixels, where the file has them.
        line: Line of the file, counted from 1, for messages; 0 where the format has no lines.
    """

    path: str
    labels: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] | None = None
    line: int = field(default=0, compare=False)


@dataclass
class Annotations:
    """The content of an annotation file.

    Attributes:
        records: One an image, in the file's order.
        classes: Class names in the file's order, or None where the format lists none.
        source: The file, for messages.
        unread: Names of what else the file holds of its images and that is not read, such as a
            CSV's further columns.
        images: The folder that relative paths are below where nothing else is said: that of the
            file, or VOC's ``JPEGImages``.
    """

    records: list[ImageRecord]
    classes: tuple[str, ...] | None = None
    source: str = field(default="", compare=False)
    unread: tuple[str, ...] = field(default=(), compare=False)
    images: str = field(default="", compare=False)

    def found_classes(self) -> tuple[str, ...]:
        """The listed classes, or all that a label names, sorted.

        Raises:
            ValueError: If labels name more than can be classes.
        """
        if self.classes is not None:
            return self.classes
        names = {name for record in self.records for name in (*record.labels, *record.unknown)}
        check_class_count(len(names), f"the labels of '{self.source}': ")
        return tuple(sorted(names))
