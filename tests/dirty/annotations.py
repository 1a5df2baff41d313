"""Bad annotation files of every format that is read, and what is said of each.

``python -m tests.dirty annotations`` writes them into a temporary folder, reads them, and prints a
table and the counts; it ends with 1 if a file was read, or its error is another one.
"""

import json
import re
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmsrdl.datasets import CocoMultiLabel, MultiLabelDataset, VOCMultiLabel, load_cooccurrence
from mmsrdl.datasets.class_names import check_class_names, read_class_names
from mmsrdl.datasets.feature_maps import FeatureMaps
from mmsrdl.datasets.formats import read_annotations
from mmsrdl.datasets.nuswide import NUSWIDELabels
from mmsrdl.datasets.nuswide import read_published as read_nuswide
from mmsrdl.datasets.observation import Observation
from mmsrdl.evaluation import ScoresFile, Thresholds
from mmsrdl.models.embedders import load_word_vectors
from mmsrdl.models.embedders.label_vectors import LabelVectors
from tests.datasets.nuswide.published_files import write_published

__all__ = ["BAD", "BadFile", "Outcome", "outcome_of"]

MILLION = 10**6


@dataclass(frozen=True)
class BadFile:
    """A bad file.

    Attributes:
        format: Format that it claims to have.
        fault: What is wrong with it.
        write: Writes it into a folder, and returns its path.
        read: Reads it.
        says: What the error must say, beside the file's name: the place and the fault.
    """

    format: str
    fault: str
    write: Callable[[Path], Path]
    read: Callable[[Path], Any]
    says: str


@dataclass(frozen=True)
class Outcome:
    """What became of a bad file.

    Attributes:
        error: The error; None if it was read.
        seconds: Processor time of reading.
        megabytes: Most that Python and NumPy held while reading.
        size: Bytes of the file.
    """

    error: Exception | None
    seconds: float
    megabytes: float
    size: int

    def is_documented(self, bad: BadFile, path: Path) -> bool:
        """Whether the error is one of the user's, names the file, and says what it must."""
        text = str(self.error)
        is_ours = isinstance(self.error, ValueError | FileNotFoundError)
        return is_ours and path.name in text and re.search(bad.says, text, re.S) is not None


def outcome_of(bad: BadFile, folder: Path) -> tuple[Path, Outcome]:
    """Writes a bad file into a folder, and reads it."""
    path = bad.write(folder)
    tracemalloc.start()
    start, error = time.process_time(), None
    try:
        bad.read(path)
    except Exception as found:
        error = found
    seconds = time.process_time() - start
    megabytes = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return path, Outcome(error, seconds, megabytes, path.stat().st_size if path.is_file() else 0)


def text(name: str, content: str | bytes) -> Callable[[Path], Path]:
    """Makes a writer of a file."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def late(name: str, content: Callable[[], str]) -> Callable[[Path], Path]:
    """Makes a writer of a large file, whose content is made when it is written."""
    return lambda folder: text(name, content())(folder)


def arrays(name: str, **content: Any) -> Callable[[Path], Path]:
    """Makes a writer of an npz file."""

    def write(folder: Path) -> Path:
        with (folder / name).open("wb") as file:
            np.savez(file, **content)
        return folder / name

    return write


def coco(**parts: Any) -> str:
    """A sound COCO json of two images, with parts replaced."""
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    annotations = [
        {"id": 5, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]},
        {"id": 6, "image_id": 2, "category_id": 4},
    ]
    categories = [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}]
    return json.dumps(
        {"images": images, "annotations": annotations, "categories": categories} | parts
    )


def openmmlab(*entries: Any, **metainfo: Any) -> str:
    """An OpenMMLab json of a sound entry and others."""
    data_list = [{"img_path": "a.jpg", "gt_label": [0]}, *entries]
    return json.dumps({"metainfo": {"classes": ["cat", "dog"]} | metainfo, "data_list": data_list})


def voc(names: str = "a\n", xml: str | bytes | None = None) -> Callable[[Path], Path]:
    """Makes a writer of VOC's folders; the bad file is the xml where there is one, or the list."""

    def write(folder: Path) -> Path:
        listed = text("ImageSets/Main/train.txt", names)(folder)
        sound = "<annotation><object><name>cat</name></object></annotation>"
        annotation = text("Annotations/a.xml", sound if xml is None else xml)(folder)
        return listed if xml is None else annotation

    return write


def voc_object(inside: str) -> str:
    return f"<annotation>\n<object>\n<name>cat</name>{inside}</object></annotation>"


def nuswide(place: str, content: str | bytes) -> Callable[[Path], Path]:
    """Makes a writer of NUS-WIDE's published files, of which one is bad."""

    def write(folder: Path) -> Path:
        return text(place, content)(write_published(folder))

    return write


def as_coco(path: Path) -> Any:
    return CocoMultiLabel(
        str(path), metainfo={"classes": ["cat", "dog"]}, with_boxes=True, check_files=False
    )


def as_dataset(path: Path) -> Any:
    return MultiLabelDataset(str(path), metainfo={"classes": ["cat", "dog"]}, check_files=False)


def without_classes(path: Path) -> Any:
    return MultiLabelDataset(str(path), check_files=False)


def as_voc(path: Path) -> Any:
    return VOCMultiLabel(
        str(path.parents[1 if path.suffix == ".xml" else 2]), "train", with_boxes=True
    )


def as_nuswide(path: Path) -> Any:
    root = next(folder for folder in path.parents if (folder / "ConceptsList").is_dir())
    return read_nuswide(root, subset=True)


def as_names(path: Path) -> Any:
    return check_class_names(read_class_names(str(path)))


def as_vectors(path: Path) -> Any:
    return load_word_vectors(path, ["cat", "dog"])


def as_graph(path: Path) -> Any:
    return load_cooccurrence(path, ["cat", "dog"])


LAUGHS = "".join(
    f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' if i else '<!ENTITY l0 "ha">' for i in range(12)
)
NAMES = np.array(["cat", "dog"])
OBSERVED = dict(
    known=np.zeros((2, 1), np.uint8),
    images=np.array(["a.jpg", "b.jpg"]),
    classes=NAMES,
    settings=np.array("{}"),
    source=np.array(""),
)
SCORES = dict(
    names=NAMES,
    scores=np.zeros((2, 2), np.float32),
    targets=np.zeros((2, 2), np.int8),
    sample_idx=np.arange(2),
)
VECTORS = dict(names=NAMES, vectors=np.zeros((2, 3)))
CAT = {"path": "a.jpg", "labels": ["cat"]}


def line_of(**parts: Any) -> str:
    """JSON lines of a sound image, and one with parts replaced on line 2."""
    return json.dumps(CAT) + "\n" + json.dumps({"path": "b.jpg", "labels": []} | parts) + "\n"


def huge(value: str) -> str:
    """A sound COCO json whose first box begins with a number in any spelling."""
    return coco().replace('"bbox": [1,', f'"bbox": [{value},')


BAD: dict[str, BadFile] = {
    f"{bad.format}: {bad.fault}": bad
    for bad in (
        BadFile("COCO json", "cut short", text("a.json", coco()[:-40]), as_coco, r"line 1 column"),
        BadFile("COCO json", "empty", text("a.json", ""), as_coco, "line 1 column 1"),
        BadFile("COCO json", "a list", text("a.json", "[1, 2]"), as_coco, "list of 2 entries"),
        BadFile("COCO json", "a CSV by another name", text("a.json", "path,labels\n"), as_coco,
                "not json.*line 1 column 1"),
        BadFile("COCO json", "UTF-16", text("a.json", coco().encode("utf-16")), as_coco,
                r"UTF-8.*\(line 1\)"),
        BadFile("COCO json", "NUL bytes", text("a.json", coco().replace("cat", "c\0t")), as_coco,
                "control character at: line 1 column"),
        BadFile("COCO json", "100,000 nested lists", text("a.json", "[" * 100_000), as_coco,
                "recursion"),
        BadFile("COCO json", "a number of 5,000 digits", text("a.json", huge("9" * 5000)), as_coco,
                r"4300\b"),
        BadFile("COCO json", "a box of NaN", text("a.json", huge("NaN")), as_coco,
                r"annotation 5 \('cat'\).*four finite"),
        BadFile("COCO json", "a box of 1e400", text("a.json", huge("1e400")), as_coco,
                r"annotation 5 \('cat'\).*four finite"),
        BadFile("COCO json", "a box of negative width",
                text("a.json", coco().replace("[1, 2, 3, 4]", "[1, 2, -3, 4]")), as_coco,
                r"annotation 5 \('cat'\).*not negative"),
        BadFile("COCO json", "no categories",
                text("a.json", coco().replace("categories", "classes")), as_coco,
                "COCO json without categories"),
        BadFile("COCO json", "an image without file_name", text("a.json", coco(images=[{"id": 1}])),
                as_coco, "entry 0 of 'images'.*'file_name'"),
        BadFile("COCO json", "a file_name that is a number",
                text("a.json", coco(images=[{"id": 1, "file_name": 7}])), as_coco,
                "'file_name' of image 1.*got 7"),
        BadFile("COCO json", "an annotation of an unknown category",
                text("a.json", coco(annotations=[{"id": 9, "image_id": 1, "category_id": 8}])),
                read_annotations, r"\['8'\].*annotation 9 of image 1"),
        BadFile("COCO json", "annotations of unknown images alone",
                text("a.json", coco(annotations=[{"image_id": 7, "category_id": 3}])), as_coco,
                r"image_id \[7\] against ids \[1, 2\]"),
        BadFile("COCO json", "two images of one id",
                text("a.json", coco(images=[{"id": 1, "file_name": n} for n in "abc"])), as_coco,
                "entries 0 and 1 of 'images' have the id 1"),
        BadFile("COCO json", "one image under two ids",
                text("a.json", coco(images=[{"id": i, "file_name": "a.jpg"} for i in (1, 2)])),
                as_coco, "entries of 'images' 0 and 1.*'a.jpg'"),
        BadFile("COCO json", "two categories of one id",
                text("a.json", coco(categories=[{"id": 3, "name": n} for n in ("cat", "dog")])),
                as_coco, r"categories.*one id, \[3\]"),
        BadFile("COCO json", "two categories of one name",
                text("a.json", coco(categories=[{"id": i, "name": "cat"} for i in (3, 4)])),
                as_coco, r"repeated: \['cat'\]"),
        BadFile("COCO json", "an id that is a list",
                text("a.json", coco(categories=[{"id": [3], "name": "cat"}])), as_coco,
                "'id' of entry 0 of 'categories'"),
        BadFile("COCO json", "the key annotations twice",
                text("a.json", coco()[:-1] + ', "annotations": []}'), as_coco,
                "'annotations' stands 2 times"),
        BadFile("COCO json", "a million categories",
                late("a.json", lambda: coco(
                    categories=[{"id": i, "name": f"c{i}"} for i in range(MILLION)])),
                read_annotations, "1,000,000 classes are more than 100,000"),
        BadFile("OpenMMLab json", "no metainfo", text("a.json", '{"data_list": []}'), as_dataset,
                r"it holds the keys \['data_list'\]"),
        BadFile("OpenMMLab json", "an entry without img_path",
                text("a.json", openmmlab({"gt_label": [0]})), as_dataset, "entry 1 of 'data_list'"),
        BadFile("OpenMMLab json", "an img_path of null",
                text("a.json", openmmlab({"img_path": None, "gt_label": []})), as_dataset,
                "'img_path' of entry 1 of 'data_list'.*got None"),
        BadFile("OpenMMLab json", "half a character in a name",
                text("a.json", openmmlab({"img_path": "\ud800.jpg", "gt_label": []})), as_dataset,
                "surrogates not allowed"),
        BadFile("OpenMMLab json", "labels that are a name",
                text("a.json", openmmlab({"img_path": "b.jpg", "gt_label": "dog"})),
                read_annotations, "image 'b.jpg' in .* must be a list"),
        *(BadFile("OpenMMLab json", f"the label {label}",
                  text("a.json", openmmlab({"img_path": "b.jpg", "gt_label": [label]})),
                  read_annotations, r"of image 'b.jpg' is outside the 2 classes")
          for label in (-1, 2, 10**30, 0.5, float("nan"), True)),
        BadFile("OpenMMLab json", "an image twice",
                text("a.json", openmmlab({"img_path": "a.jpg", "gt_label": [1]})), as_dataset,
                "entries 0 and 1 of .*image 'a.jpg'"),
        BadFile("OpenMMLab json", "a class twice", text("a.json", openmmlab(classes=["a", "a"])),
                without_classes, r"repeated: \['a'\]"),
        BadFile("OpenMMLab json", "classes that are a word",
                text("a.json", openmmlab(classes="cat")), read_annotations,
                "classes that '.*' lists.*must be a list"),
        BadFile("OpenMMLab json", "a million classes",
                late("a.json", lambda: openmmlab(classes=[f"c{i}" for i in range(MILLION)])),
                without_classes, "1,000,000 classes are more than 100,000"),
        BadFile("CSV", "empty", text("a.csv", ""), read_annotations, "is empty"),
        BadFile("CSV", "a header alone", text("a.csv", "path,labels\n"), as_dataset,
                "lists no image"),
        BadFile("CSV", "semicolons in place of commas",
                text("a.csv", "path;labels\na.jpg;cat\n"), as_dataset, "header.*no column of path"),
        BadFile("CSV", "tabs in place of commas, and no header",
                text("a.csv", "a.jpg\tcat\nb.jpg\tdog\n"), as_dataset, "header.*no column of path"),
        BadFile("CSV", "commas between labels",
                text("a.csv", "path,labels\na.jpg,cat\nb.jpg,cat,dog\n"), as_dataset,
                "line 3 of .* has 3 cells, not 2"),
        BadFile("CSV", "a quote that is never closed",
                text("a.csv", 'path,labels\na.jpg,cat\n"b.jpg,cat\n' + "c.jpg,dog\n" * 1000),
                as_dataset, "line 3 of .* is no row"),
        BadFile("CSV", "a cell of 200,000 characters",
                text("a.csv", "path,labels\na.jpg," + "x" * 200_000), as_dataset,
                "line 2 of .*field larger"),
        BadFile("CSV", "an image twice", text("a.csv", "path,labels\na.jpg,cat\n\na.jpg,dog\n"),
                as_dataset, "lines 2 and 4 of .*'a.jpg'"),
        BadFile("CSV", "a row without an image", text("a.csv", "path,labels\n,cat\n"), as_dataset,
                "line 2 of .* names no image"),
        BadFile("CSV", "an unknown class", text("a.csv", "path,labels\na.jpg,cat\nb.jpg,cow\n"),
                as_dataset, r"label 'cow' of image 'b.jpg' \(line 3\)"),
        BadFile("CSV", "ISO 8859-1",
                text("a.csv", "path,labels\na.jpg,cat\nÄ.jpg,cat\n".encode("latin-1")), as_dataset,
                r"UTF-8.*\(line 3\)"),
        BadFile("CSV", "NUL bytes", text("a.csv", "path,labels\na\0.jpg,cat\n"), as_dataset,
                "line 2 of .* NUL"),
        BadFile("CSV", "two columns of labels", text("a.csv", "path,labels,tags\na.jpg,cat,\n"),
                as_dataset, r"header of .* 2 columns of labels"),
        BadFile("CSV", "a million classes",
                late("a.csv", lambda: "path,labels\n"
                     + "".join(f"{i}.jpg,c{i}\n" for i in range(MILLION // 5))),
                without_classes, "200,000 classes are more than 100,000"),
        BadFile("CSV", "a zip by another name", text("a.csv", b"PK\x03\x04\xff\xfe"), as_dataset,
                "UTF-8"),
        BadFile("JSON lines", "a line that is cut", text("a.jsonl", line_of()[:-5]), as_dataset,
                "line 2 of .* not json"),
        BadFile("JSON lines", "one json over several lines",
                text("a.jsonl", json.dumps(CAT, indent=2)), as_dataset, "line 1 of .* not json"),
        BadFile("JSON lines", "a line without labels", text("a.jsonl", '{"path": "a.jpg"}\n'),
                as_dataset, r"line 1 of .*'labels'\]"),
        BadFile("JSON lines", "labels that are a name", text("a.jsonl", line_of(labels="cat")),
                as_dataset, "'labels' of line 2"),
        BadFile("JSON lines", "a width of NaN",
                text("a.jsonl", line_of(width=float("nan"), height=3)), as_dataset,
                "width and height of line 2"),
        BadFile("JSON lines", "a box of an infinite width",
                text("a.jsonl", line_of(labels=["cat"], boxes=[
                    {"name": "cat", "bbox": [1, 2, float("inf"), 4]}])), as_dataset,
                "box of 'cat' in line 2"),
        BadFile("JSON lines", "a key twice",
                text("a.jsonl", '{"path": "a.jpg", "labels": ["cat"], "labels": []}'), as_dataset,
                "line 1 of .*'labels' stands 2 times"),
        BadFile("JSON lines", "an image twice", text("a.jsonl", line_of(path="a.jpg")), as_dataset,
                "lines 1 and 2"),
        BadFile("JSON lines", "100,000 nested lists",
                text("a.jsonl", line_of() + "[" * 100_000), as_dataset, "line 3 of .*recursion"),
        BadFile("VOC", "a list with a second column", voc("a 1\n"), as_voc, r"\(line 1\)"),
        BadFile("VOC", "a list that is json", voc("{}"), as_voc, "is json"),
        BadFile("VOC", "a list with an image twice", voc("a\n\na\n"), as_voc, "lines 1 and 3"),
        BadFile("VOC", "a list that leads out of its folder", voc("a\n../../secret\n"), as_voc,
                r"'\.\./\.\./secret'\] \(line 2\)"),
        BadFile("VOC", "a list with NUL bytes", voc("a\nb\0\n"), as_voc, r"\(line 2\)"),
        BadFile("VOC", "an xml that is cut",
                voc(xml=voc_object("")[:-20]), as_voc, "not valid XML.*line 3, column"),
        BadFile("VOC", "an xml of nested entities",
                voc(xml=f"<!DOCTYPE annotation [{LAUGHS}]>" + voc_object("&l11;")), as_voc,
                "DOCTYPE"),
        BadFile("VOC", "an xml that names another file",
                voc(xml="<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>"
                    + voc_object("&e;")), as_voc, "DOCTYPE"),
        BadFile("VOC", "an xml in UTF-16", voc(xml=voc_object("").encode("utf-16")), as_voc,
                r"UTF-8.*\(line 1\)"),
        BadFile("VOC", "an xml of 50,000 nested elements",
                voc(xml="<annotation>" + "<a>" * 50_000), as_voc, "not valid XML"),
        BadFile("VOC", "an object without a name",
                voc(xml="<annotation><object/></annotation>"), as_voc, "without a <name>"),
        BadFile("VOC", "a difficult of maybe", voc(xml=voc_object("<difficult>maybe</difficult>")),
                as_voc, "object 'cat' with <difficult>maybe"),
        BadFile("VOC", "a box of NaN",
                voc(xml=voc_object("<bndbox><xmin>NaN</xmin><ymin>1</ymin><xmax>5</xmax>"
                    "<ymax>5</ymax></bndbox>")), as_voc, "object 'cat' whose <bndbox> is no box"),
        BadFile("NUS-WIDE", "a tag that is 2",
                nuswide("NUS_WID_Tags/Train_Tags1k.dat", "1 0 1 0 0\n0 2 1 0 0\n0 0 0 1 1\n"),
                as_nuswide, "line 2: values must be 0 or 1"),
        BadFile("NUS-WIDE", "a row that is short",
                nuswide("NUS_WID_Tags/Train_Tags1k.dat", "1 0 1 0 0\n0 1 1 0\n0 0 0 1 1\n"),
                as_nuswide, "line 2: 4 values"),
        BadFile("NUS-WIDE", "fewer rows than images",
                nuswide("Groundtruth/TrainTestLabels/Labels_cat_Train.txt", "1\n0\n"), as_nuswide,
                "has 2 rows"),
        BadFile("NUS-WIDE", "NUL bytes",
                nuswide("NUS_WID_Tags/Train_Tags1k.dat", b"1 0 1 0 0\n\0" + b"\0" * 9), as_nuswide,
                "line 2"),
        BadFile("NUS-WIDE", "a concept twice",
                nuswide("ConceptsList/Concepts81.txt", "cat\nfire\ncat\n"), as_nuswide,
                r"twice: \['cat'\]"),
        BadFile("NUS-WIDE", "a concept that is a path",
                nuswide("ConceptsList/Concepts81.txt", "cat\n../../etc/sky\n"), as_nuswide,
                "name 2 of"),
        BadFile("NUS-WIDE", "an image out of the folder",
                nuswide("ImageList/TrainImagelist.txt", "actor\\1.jpg\n..\\..\\secret.jpg\n"),
                as_nuswide, "image 2 of"),
        BadFile("NUS-WIDE file", "another npz", arrays("a.npz", names=NAMES), NUSWIDELabels.load,
                "must hold 'seen'"),
        BadFile("observation file", "bits that are floats",
                arrays("a.npz", **OBSERVED | dict(known=np.zeros((2, 1)))), Observation.load,
                "no file of `mmsrdl data observe`"),
        BadFile("observation file", "another number of images",
                arrays("a.npz", **OBSERVED | dict(images=np.array(["a.jpg"]))), Observation.load,
                r"known must be bool \[1, 2\]"),
        BadFile("observation file", "settings nested deeply",
                arrays("a.npz", **OBSERVED | dict(settings=np.array("[" * 100_000))),
                Observation.load, "recursion"),
        BadFile("observation file", "Python objects",
                arrays("a.npz", **OBSERVED | dict(images=np.array(["a", None]))), Observation.load,
                "can run code and are never read"),
        BadFile("word vectors", "lines of other lengths",
                text("a.txt", "cat 1 2 3\ndog 1 2\n"), as_vectors, "line 2: 2 numbers"),
        BadFile("word vectors", "a number that is none", text("a.txt", "cat 1 x 3\n"), as_vectors,
                "line 1: expected a word and numbers"),
        BadFile("word vectors", "NaN", text("a.txt", "cat 1 2\ndog nan 2\n"), as_vectors,
                "line 2: .*not all of them finite"),
        BadFile("word vectors", "1e60", text("a.txt", "cat 1 2\ndog 1e60 2\n"), as_vectors,
                "line 2: .*not all of them finite"),
        BadFile("word vectors", "a class that is not there", text("a.txt", "cat 1 2\n"), as_vectors,
                "no vector for 'dog'"),
        BadFile("word vectors", "an npz with infinity",
                arrays("a.npz", **VECTORS | dict(vectors=np.array([[0.0], [np.inf]]))), as_vectors,
                r"vectors of \['dog'\]"),
        BadFile("label vectors", "an npz without a fingerprint", arrays("a.npz", **VECTORS),
                LabelVectors.load, "must hold 'names' and 'vectors' and 'source'"),
        BadFile("co-occurrence", "a table that is not square",
                arrays("a.npz", names=NAMES, counts=np.zeros((2, 3), int)), as_graph,
                r"\[C, C\] for 2 names"),
        BadFile("co-occurrence", "negative counts",
                arrays("a.npz", names=NAMES, counts=-np.ones((2, 2))), as_graph, "0 or more"),
        BadFile("class names", "empty", text("a.txt", "\n \n"), as_names, "is empty; write"),
        BadFile("class names", "a name twice", text("a.txt", "cat\ndog\n\ncat\n"), as_names,
                "lines 1 and 4 of .*'cat'"),
        BadFile("class names", "json", text("a.txt", '["cat", "dog"]'), as_names, "is json"),
        BadFile("class names", "UTF-16", text("a.txt", "cat\n".encode("utf-16")), as_names,
                "UTF-8"),
        BadFile("class names", "NUL bytes", text("a.txt", "cat\nd\0g\n"), as_names, "line 2.*NUL"),
        BadFile("class names", "a million",
                late("a.txt", lambda: "".join(f"c{i}\n" for i in range(MILLION))), as_names,
                "1,000,000 classes are more than 100,000"),
        BadFile("thresholds", "cut short", text("a.json", '{"version": 1, "thres'),
                Thresholds.load, "line 1 column"),
        BadFile("thresholds", "a threshold of NaN",
                text("a.json", '{"version": 1, "thresholds": {"cat": NaN}}'), Thresholds.load,
                r"must lie in \[0, 1\]"),
        BadFile("thresholds", "a class twice",
                text("a.json", '{"version": 1, "thresholds": {"cat": 0.5, "cat": 0.6}}'),
                Thresholds.load, "'cat' stands 2 times"),
        BadFile("thresholds", "another version", text("a.json", '{"version": 9}'), Thresholds.load,
                "version is 9"),
        BadFile("scores", "NaN",
                arrays("a.npz", **SCORES | dict(scores=np.full((2, 2), np.nan, np.float32))),
                ScoresFile.load, "NaN"),
        BadFile("scores", "a target of 255",
                arrays("a.npz", **SCORES | dict(targets=np.full((2, 2), 255))), ScoresFile.load,
                "targets 1, 0 or -1"),
        BadFile("scores", "a class twice",
                arrays("a.npz", **SCORES | dict(names=np.array(["cat", "cat"]))), ScoresFile.load,
                "cat more than once"),
        BadFile("scores", "another number of classes",
                arrays("a.npz", **SCORES | dict(names=np.array(["cat"]))), ScoresFile.load,
                "1 names for 2 classes"),
        BadFile("scores", "a CSV by another name", text("a.npz", "path,score\n"), ScoresFile.load,
                "another kind of file"),
        BadFile("feature maps", "a source that is no json",
                arrays("a.npz", labels=np.zeros((1, 2), np.int8), difficult=np.zeros((1, 2), bool),
                       classes=NAMES, images=np.array(["a"]), source=np.array("{")),
                FeatureMaps.load, "no object of JSON: .*line 1 column"),
        BadFile("feature maps", "labels that are floats",
                arrays("a.npz", labels=np.zeros((1, 2)), difficult=np.zeros((1, 2), bool),
                       classes=NAMES, images=np.array(["a"]), source=np.array("{}")),
                FeatureMaps.load, "int8"),
    )
}  # fmt: skip
"""The files by name."""


def main() -> int:
    """Reads all files, and prints what became of them."""
    counts: Counter[str] = Counter()
    read: Counter[str] = Counter()
    slowest = largest = 0.0
    print("| format | file | what is said |\n|---|---|---|")
    for bad in BAD.values():
        with tempfile.TemporaryDirectory() as folder:
            path, found = outcome_of(bad, Path(folder))
            documented = found.is_documented(bad, path)
            message = str(found.error).replace(f"{folder}/", "").replace("\n", " ")
        counts[bad.format] += 1
        read["refused as documented" if documented else "OTHERWISE"] += 1
        slowest, largest = max(slowest, found.seconds), max(largest, found.megabytes)
        mark = "" if documented else f"**{type(found.error).__name__}** "
        print(f"| {bad.format} | {bad.fault} | {mark}{message[:160]!r} |")
    print(f"\n{len(BAD)} files: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
    print(", ".join(f"{n} {name}" for name, n in read.items()))
    print(f"at most {slowest:.1f} s of one core and {largest:.0f} MiB a file")
    return int(read["OTHERWISE"] > 0)
