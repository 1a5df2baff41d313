"""Every path by which a file of strangers enters, against every malicious file.

The payload does not run, the file is refused, little memory is taken, and nothing is written.
Checkpoints on the paths of MMEngine and MMPretrain are in test_checkpoint.py, crafted TorchScript
archives in test_script_archive.py, annotation files that are wrong in tests/dirty.
"""

import ast
import io
import os
import pickle
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mmsrdl
from mmsrdl.apis import get_model, load_config
from mmsrdl.apis.inferencer import MultiLabelInferencer
from mmsrdl.checkpoint import read_checkpoint, read_script_tensors, read_weights
from mmsrdl.cli import main
from mmsrdl.datasets import CocoMultiLabel, MultiLabelDataset, VOCMultiLabel, load_cooccurrence
from mmsrdl.datasets.class_names import read_class_names
from mmsrdl.datasets.feature_maps import FeatureMaps
from mmsrdl.datasets.formats import read_annotations
from mmsrdl.datasets.nuswide import NUSWIDELabels
from mmsrdl.datasets.observation import Observation
from mmsrdl.datasets.observation.published import read_published
from mmsrdl.evaluation import ScoresFile, Thresholds
from mmsrdl.models.embedders import load_word_vectors
from mmsrdl.models.embedders.label_vectors import LabelVectors, cached_label_vectors
from mmsrdl.models.embedders.name_vectors import NameVectors

MODEL = "srdl_lite0_voc07"
KEYS = (
    "names", "vectors", "counts", "known", "images", "classes", "settings", "source", "scores",
    "targets", "sample_idx", "fingerprint", "labels", "difficult", "seen", "unseen",
    "train_images", "train_labels", "test_images", "test_labels",
)  # fmt: skip
"""Of all npz files that are read."""


class Payload:
    """Pickles to a call that makes a marker file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return Path.touch, (self.marker,)


def raw_pickle(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": {"w": Payload(marker)}}))


def torch_pickle(path: Path, marker: Path) -> None:
    torch.save({"state_dict": {"w": torch.ones(2)}, "meta": Payload(marker)}, path)


def object_arrays(path: Path, marker: Path) -> None:
    payload = np.array([Payload(marker)], dtype=object)
    with path.open("wb") as file:
        np.savez(file, **dict.fromkeys(KEYS, payload))


def object_array(path: Path, marker: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([Payload(marker)], dtype=object))


def npy_header(shape: tuple[int, ...]) -> bytes:
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    text = str(header).ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def lying_arrays(path: Path, marker: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for key in KEYS:
            archive.writestr(f"{key}.npy", npy_header((2**40,)))


def lying_array(path: Path, marker: Path) -> None:
    path.write_bytes(npy_header((2**40,)))


def bomb(path: Path, marker: Path) -> None:
    """A few kilobytes that say that they unpack to a gigabyte each."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in (*KEYS, "a/data", "a/data/0"):
            archive.writestr(f"{key}.npy", npy_header((2**28,)) + bytes(2**10))
        for entry in archive.filelist:
            entry.file_size = 2**30 + 128


def traversal(path: Path, marker: Path) -> None:
    """An archive whose entries lead out of the folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in (f"../{marker.name}", str(marker), f"x/../../{marker.name}"):
            archive.writestr(name, "content")


def tar(path: Path, marker: Path) -> None:
    content = pickle.dumps(Payload(marker))
    with tarfile.open(path, "w") as archive:
        for name in ("sys_info", "storages", "tensors", "pickle", f"../{marker.name}"):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def program(path: Path, marker: Path) -> None:
    """TorchScript whose code writes a file when it is loaded."""
    class_ = "__torch__.Bad"
    code = (
        "class Bad(Module):\n  __parameters__ = []\n  __buffers__ = []\n  w : Tensor\n"
        "  def __setstate__(self: __torch__.Bad, state: Tensor) -> NoneType:\n"
        f'    ops.aten.save(state, "{marker}")\n    return None\n'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", "c__torch__\nBad\n)\x81ccollections\nOrderedDict\n)Rb.")
        archive.writestr("a/code/__torch__.py", code)
        archive.writestr("a/constants.pkl", b"\x80\x02).")
        archive.writestr("a/version", "3\n")
        archive.writestr(f"a/data/{class_}", "")


def yaml(path: Path, marker: Path) -> None:
    path.write_text(f"a: !!python/object/apply:os.mkdir ['{marker}']\n")


def yaml_bomb(path: Path, marker: Path) -> None:
    lines = ["a0: &a0 [ha]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    path.write_text("\n".join(lines))


def nested_json(path: Path, marker: Path) -> None:
    path.write_text('{"version": 1, "thresholds": ' + "[" * 200_000)


def dangling_link(path: Path, marker: Path) -> None:
    path.symlink_to(marker)


def folder(path: Path, marker: Path) -> None:
    path.mkdir()


FILES = [
    raw_pickle, torch_pickle, object_arrays, object_array, lying_arrays, lying_array, bomb,
    traversal, tar, program, yaml, yaml_bomb, nested_json, dangling_link, folder,
]  # fmt: skip


def published(path: Path) -> Any:
    labels = np.zeros((1, 1), np.int8)
    return read_published(path, path, labels, ["a.jpg"], ["cat"])


def maps_of(path: Path) -> Any:
    """The maps themselves, beside a sound file of what is known of them."""
    beside = path.with_suffix(".npz")
    sound = dict(
        labels=np.zeros((1, 1), np.int8), difficult=np.zeros((1, 1), bool),
        classes=np.array(["cat"]), images=np.array(["a"]), source=np.array("{}"),
    )  # fmt: skip
    np.savez(beside, **sound)
    os.rename(path, path.with_suffix(".npy"))
    return FeatureMaps.load(beside)


def vectors_of(path: Path) -> Any:
    return NameVectors(str(path), None, ["{}"]).of(["cat"])


def dataset(cls: type, **options: Any) -> Callable[[Path], Any]:
    return lambda path: cls(ann_file=str(path), metainfo={"classes": ["cat"]}, **options)


def command(*arguments: str) -> Callable[[Path], Any]:
    """Makes a command line, in which FILE is the file and OUT a folder."""

    def run(path: Path) -> None:
        places = {"FILE": str(path), "OUT": str(path.parent / "out.pth")}
        raise SystemExit(main([places.get(argument, argument) for argument in arguments]))

    return run


ENTRIES: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "checkpoint": ("a.pth", read_checkpoint),
    "weights of three formats": ("a.pth", read_weights),
    "TorchScript's tensors": ("a.pt", read_script_tensors),
    "get_model": ("a.pth", lambda path: get_model(MODEL, str(path))),
    "MultiLabelInferencer": (
        "a.pth", lambda path: MultiLabelInferencer(load_config(MODEL), str(path))
    ),
    "convert mlgcn": ("a.pth", command(
        "convert", "mlgcn", "FILE", "OUT", "--word-vectors", os.devnull)),
    "convert csra": ("a.pth", command("convert", "csra", "FILE", "OUT")),
    "convert clip": ("a.pt", command("convert", "clip", "FILE", "OUT")),
    "thresholds": ("a.json", Thresholds.load),
    "scores": ("a.npz", ScoresFile.load),
    "evaluate": ("a.npz", command("evaluate", "FILE")),
    "word vectors, npz": ("a.npz", lambda path: load_word_vectors(path, ["cat"])),
    "word vectors, text": ("a.txt", lambda path: load_word_vectors(path, ["cat"])),
    "name vectors": ("a.npz", vectors_of),
    "label vectors": ("a.npz", LabelVectors.load),
    "source of label vectors": (
        "a.pth", lambda path: cached_label_vectors(path.parent / "new.npz", ["cat"], str(path))
    ),
    "co-occurrence": ("a.npz", lambda path: load_cooccurrence(path, ["cat"])),
    "observation": ("a.npz", Observation.load),
    "published observation": ("a.npy", published),
    "NUS-WIDE file": ("a.npz", NUSWIDELabels.load),
    "feature maps": ("a.npz", FeatureMaps.load),
    "maps": ("a.bin", maps_of),
    "class names": ("a.txt", lambda path: read_class_names(str(path))),
    "COCO json": ("a.json", dataset(CocoMultiLabel)),
    "json": ("a.json", dataset(MultiLabelDataset)),
    "CSV": ("a.csv", dataset(MultiLabelDataset)),
    "JSON lines": ("a.jsonl", dataset(MultiLabelDataset)),
    "VOC list": (
        "a.txt",
        lambda path: VOCMultiLabel(str(path.parent), ann_file=str(path)),
    ),
    "annotations of any format": ("a.json", read_annotations),
    "data check": ("a.csv", command("data", "check", "--train", "FILE")),
    "data split": ("a.json", command("data", "split", "FILE", "--val", "0.5")),
    "data convert": ("a.json", command("data", "convert", "FILE", "OUT")),
    "data stats": ("a.csv", command("data", "stats", "FILE")),
}  # fmt: skip


PLAIN = {("class names", yaml), ("class names", yaml_bomb)}
"""Texts that an entry takes for what they are, lines of text."""


@pytest.mark.parametrize(
    ("entry", "write"),
    [(entry, write) for entry in ENTRIES for write in FILES if (entry, write) not in PLAIN],
)
def test_refused(
    entry: str, write: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, read = ENTRIES[entry]
    home = tmp_path / "home"
    home.mkdir()
    marker = tmp_path / "marker"
    path = home / name
    write(path, marker)
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, OSError, RuntimeError, SystemExit)) as caught:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if isinstance(caught.value, SystemExit):
        assert caught.value.code in (1, 2)
        assert "Traceback" not in capsys.readouterr().err
    assert peak < 100 * 2**20
    assert not marker.exists()
    assert {each.name for each in tmp_path.iterdir()} == {"home"}


RISKY = {
    "torch.load", "torch.jit.load", "np.load", "json.loads", "json.load", "ET.fromstring",
    "zipfile.ZipFile", "tarfile.open", "tarfile.is_tarfile", "Config.fromfile", "load_file",
    "onnx.load", "onnxruntime.InferenceSession", "subprocess.run", "subprocess.check_output",
    "os.system", "eval", "exec", "mmengine.load", "yaml.load", "yaml.safe_load", "pickle.load",
    "pickle.loads", "_Unpickler", "importlib.import_module", "import_module", "open_memmap",
}  # fmt: skip
PLACES: dict[str, set[str]] = {
    # Data of strangers, each read by an entry above or in test_checkpoint.py.
    "checkpoint.py": {"torch.load", "zipfile.ZipFile", "tarfile.is_tarfile", "load_file"},
    "script_archive.py": {"_Unpickler"},
    "datasets/annotation_file.py": {"json.loads"},
    "datasets/class_names.py": {"json.loads"},
    "datasets/feature_maps.py": {"json.loads", "open_memmap"},
    "datasets/formats/voc_folder.py": {"ET.fromstring"},
    "datasets/npz.py": {"np.load"},
    "datasets/observation/observation.py": {"json.loads"},
    "model_converters/clip.py": {"json.loads"},
    "models/embedders/label_vectors.py": {"zipfile.ZipFile"},
    "models/embedders/text_encoder.py": {"json.loads"},
    # Logs and configs of one's own runs; configs are code.
    "paper_tables/run_folder.py": {"json.loads", "Config.fromfile"},
    "apis/config.py": {"Config.fromfile"},
    "apis/own_config.py": {"Config.fromfile"},
    # What mmsrdl wrote a moment ago, or asks of the machine.
    "apis/distributed.py": {"subprocess.check_output"},
    "apis/export.py": {"json.loads", "onnxruntime.InferenceSession"},
    "apis/onnx_graph.py": {"onnx.load"},
    "datasets/demo_scenes/files.py": {"json.loads"},
    "datasets/demo_scenes/subsets.py": {"json.loads"},
    "_registry.py": {"import_module"},
    "cli/__init__.py": {"importlib.import_module"},
    "doctor/environment.py": {"importlib.import_module"},
}
"""By module: which of what can run code or blow up it calls."""


def calls_of(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [(ast.unparse(call.func), call) for call in calls]


def test_there_is_no_other_path() -> None:
    package = Path(mmsrdl.__file__).parent
    found: dict[str, set[str]] = {}
    for file in package.rglob("*.py"):
        for name, call in calls_of(ast.parse(file.read_text("utf-8"))):
            given = {word.arg: ast.unparse(word.value) for word in call.keywords}
            if name in RISKY:
                found.setdefault(file.relative_to(package).as_posix(), set()).add(name)
            assert name != "np.load" or given.get("allow_pickle") == "False", file
            assert name != "torch.load" or given.get("weights_only") == "True", file
    assert found == PLACES


def test_pickle_and_yaml_are_not_imported() -> None:
    package = Path(mmsrdl.__file__).parent
    importing = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if {name.split(".")[0] for name in names} & {"pickle", "yaml", "shelve", "dill"}:
                importing.add(file.relative_to(package).as_posix())
    assert importing == {"script_archive.py"}


@pytest.mark.parametrize("write", [raw_pickle, torch_pickle, object_arrays, yaml])
def test_the_payloads_are_live(write: Callable, tmp_path: Path) -> None:
    import mmengine

    marker = tmp_path / "marker"
    names = {object_arrays: "a.npz", yaml: "a.yaml"}
    path = tmp_path / names.get(write, "a.pkl")
    write(path, marker)
    if write is object_arrays:
        np.load(path, allow_pickle=True)["names"]
    elif write is torch_pickle:
        torch.load(path, weights_only=False)
    else:
        mmengine.load(str(path))
    assert marker.exists()


def test_files_are_replaced_not_written_through_links(tmp_path: Path) -> None:
    """Where a link lies in the place of a result, what it leads to stays as it is."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    place = tmp_path / "scores.npz"
    place.symlink_to(secret)
    scores = torch.full((2, 2), 0.5)
    targets = torch.zeros((2, 2), dtype=torch.int8)
    ScoresFile(("a", "b"), scores, targets, torch.arange(2)).save(place)
    assert secret.read_text() == "secret"
    assert not place.is_symlink()
