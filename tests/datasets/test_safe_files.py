"""Files of labels and vectors never run code and never blow up: proved with live payloads."""

import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmengine
import numpy as np
import pytest

from mmsrdl.datasets import CocoMultiLabel, MultiLabelDataset, VOCMultiLabel, load_cooccurrence
from mmsrdl.models.embedders import load_word_vectors


class Payload:
    """Pickles to a call that makes a marker file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "the payload ran"


def write_pickle(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps({"metainfo": {"classes": ["a"]}, "data_list": Payload(marker)}))


def write_yaml(path: Path, marker: Path) -> None:
    call = f"!!python/object/apply:os.mkdir ['{marker}']"
    path.write_text(f"metainfo: {{classes: [a]}}\ndata_list: {call}\n")


def write_object_array(path: Path, marker: Path) -> None:
    array = np.array([Payload(marker)], dtype=object)
    with open(path, "wb") as file:
        np.savez(file, names=array, vectors=array, counts=array)


WRITERS = {".pkl": write_pickle, ".pickle": write_pickle, ".yaml": write_yaml, ".yml": write_yaml}


@pytest.mark.parametrize("ending", [".pkl", ".yaml"])
def test_the_payloads_are_live(ending: str, tmp_path: Path, marker: Path) -> None:
    WRITERS[ending](tmp_path / f"ann{ending}", marker)
    mmengine.load(str(tmp_path / f"ann{ending}"))
    assert marker.exists()


def test_the_payload_of_the_object_array_is_live(tmp_path: Path, marker: Path) -> None:
    write_object_array(tmp_path / "a.npz", marker)
    assert not marker.exists()
    np.load(tmp_path / "a.npz", allow_pickle=True)["names"]
    assert marker.exists()


@pytest.mark.parametrize("cls", [MultiLabelDataset, CocoMultiLabel, VOCMultiLabel])
@pytest.mark.parametrize("ending", list(WRITERS))
@pytest.mark.parametrize("disguise", ["", ".json", ".csv", ".jsonl"])
def test_annotations(cls: type, ending: str, disguise: str, tmp_path: Path, marker: Path) -> None:
    name = f"ann{ending}{disguise}"
    WRITERS[ending](tmp_path / name, marker)
    with pytest.raises((ValueError, FileNotFoundError)) as info:
        cls(ann_file=name, data_root=str(tmp_path))
    assert name in str(info.value) or cls is VOCMultiLabel
    if cls is not VOCMultiLabel and not disguise:
        assert "pickles and YAML can run code" in str(info.value)
    assert not marker.exists()


@pytest.mark.parametrize("argument", ["classes", "metainfo"])
@pytest.mark.parametrize("write", [write_pickle, write_object_array])
def test_class_name_files(
    argument: str, write: Callable, openmmlab_root: Path, tmp_path: Path, marker: Path
) -> None:
    path = str(tmp_path / "names.txt")
    write(Path(path), marker)
    options: dict[str, Any] = {"classes": path} if argument == "classes" else {}
    options = options or {"metainfo": {"classes": path}}
    with pytest.raises(ValueError, match=r"names.txt' is no readable file of one class name"):
        MultiLabelDataset("ann.json", data_root=str(openmmlab_root), **options)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["a.npz", "a.pkl", "a.txt", "a"])
@pytest.mark.parametrize("write", [write_pickle, write_object_array])
@pytest.mark.parametrize("load", [load_word_vectors, load_cooccurrence])
def test_vectors_and_graphs(
    load: Callable, write: Callable, name: str, tmp_path: Path, marker: Path
) -> None:
    write(tmp_path / name, marker)
    with pytest.raises(ValueError, match=r"can run code.*np\.savez\(FILE") as info:
        load(tmp_path / name, ["cat"])
    assert str(tmp_path / name) in str(info.value)
    assert not marker.exists()


def test_class_names_of_a_file(openmmlab_root: Path, tmp_path: Path) -> None:
    annotations = json.loads((openmmlab_root / "ann.json").read_text())
    annotations["metainfo"] = {}
    (openmmlab_root / "ann.json").write_text(json.dumps(annotations))
    (tmp_path / "names.txt").write_bytes("\ufeffépée\r\n dog \r\n\r\ncat\r\n".encode())
    for options in ({"classes": "names.txt"}, {"metainfo": {"classes": "names.txt"}}):
        options = json.loads(json.dumps(options).replace("names", str(tmp_path / "names")))
        dataset = MultiLabelDataset("ann.json", data_root=str(openmmlab_root), **options)
        assert dataset.metainfo["classes"] == ("épée", "dog", "cat")


LAUGHS = "".join(
    f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' if i else '<!ENTITY l0 "ha">' for i in range(12)
)
XML = {
    "nested entities": f"<?xml version='1.0'?><!DOCTYPE annotation [{LAUGHS}]>"
    "<annotation><object><name>&l11;</name></object></annotation>",
    "quadratic": f"<!DOCTYPE annotation [<!ENTITY a '{'x' * 100_000}'>]>"
    f"<annotation>{'&a;' * 100_000}</annotation>",
    "external": "<!DOCTYPE a [<!ENTITY e SYSTEM 'file://{secret}'>]>"
    "<annotation><object><name>&e;</name></object></annotation>",
    "parameter": "<!DOCTYPE a [<!ENTITY % e SYSTEM 'file://{secret}'> %e;]><annotation/>",
    "external subset": "<!DOCTYPE annotation SYSTEM 'file://{secret}'><annotation/>",
    "after a comment": f"<!-- -->\n<!DOCTYPE annotation [{LAUGHS}]><annotation>&l11;</annotation>",
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037"]


@pytest.mark.parametrize("kind", list(XML))
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("declared", [True, False])
def test_entities_are_refused_in_no_time(
    kind: str, encoding: str, declared: bool, voc_root: Path
) -> None:
    secret = voc_root / "secret"
    secret.write_text("person")
    text = XML[kind].replace("{secret}", str(secret))
    if declared:
        head = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>"
        text = head + text.removeprefix("<?xml version='1.0'?>")
    (voc_root / "Annotations/000001.xml").write_bytes(text.encode(encoding))
    start = time.process_time()
    with pytest.raises(ValueError, match=r"DOCTYPE|UTF-8|not valid XML") as info:
        VOCMultiLabel(str(voc_root))
    assert time.process_time() - start < 1
    assert "000001.xml" in str(info.value)
    assert encoding[:5] != "utf-8" or "declares a DOCTYPE" in str(info.value)
