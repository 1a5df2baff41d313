"""The package as others get it: wheel, sdist, editable install, and use in an empty folder."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from packaging.metadata import Metadata

import mmsrdl
from tests.conftest import write_photos

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("benchmarks", "configs", "docs", "mmsrdl", "requirements", "tests", "tools")
NOT_SOURCE = shutil.ignore_patterns(".mim", "__pycache__")


def copy_tree(target: Path) -> Path:
    """Copies this tree without what is built in it, so that builds leave nothing behind."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, target / folder, ignore=NOT_SOURCE)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, target)
    return target


def build(kind: str, source: Path, target: Path) -> Path:
    """Builds a 'wheel', 'sdist' or 'editable' without isolation, as pip's build does."""
    code = f"import setuptools.build_meta as b; b.build_{kind}({str(target)!r})"
    command = [sys.executable, "-c", code]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (archive,) = target.iterdir()
    return archive


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel of a copy of this tree."""
    source = copy_tree(tmp_path_factory.mktemp("source"))
    with zipfile.ZipFile(build("wheel", source, tmp_path_factory.mktemp("wheel"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def site(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages, into which pip installed the wheel."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index"]
    options = ["--no-deps", "--target", str(target), wheel.filename]
    done = subprocess.run([*pip, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def run(*arguments: str, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs Python in a process of its own, with a folder put before all installed packages."""
    environment = {**os.environ, "PYTHONPATH": str(path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=600
    )


def test_version_is_a_release_number() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", mmsrdl.__version__)


def test_import_is_cheap() -> None:
    result = run("-c", "import sys, mmsrdl; print(*sys.modules)", path=ROOT, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    assert not loaded & {"torch", "mmcv", "mmpretrain", "mmsrdl.models", "mmsrdl.datasets"}


def metadata_of(wheel: zipfile.ZipFile) -> bytes:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return wheel.read(name)


def test_metadata_is_valid(wheel: zipfile.ZipFile) -> None:
    metadata = Metadata.from_email(metadata_of(wheel), validate=True)
    assert metadata.name == "mmsrdl"
    assert str(metadata.version) == mmsrdl.__version__
    assert "Apache-2.0" in (metadata.license, metadata.license_expression)
    assert [name for name in wheel.namelist() if name.endswith("LICENSE")]


def test_wheel_carries_the_template_of_the_report(wheel: zipfile.ZipFile) -> None:
    assert "mmsrdl/visualization/report/report.html.jinja" in wheel.namelist()


def test_wheel_requires_no_stack_outside_the_extras(wheel: zipfile.ZipFile) -> None:
    metadata = Parser().parsestr(metadata_of(wheel).decode())
    assert set(metadata["Requires-Python"].split(",")) == {">=3.10", "<3.14"}
    requirements = metadata.get_all("Requires-Dist")
    always = [line for line in requirements if "extra ==" not in line]
    assert any(line.startswith("torch") for line in always)
    assert not [line for line in always if re.match(r"(onedl-)?mm", line)]
    extras = {
        "onedl",
        "openmmlab",
        "timm",
        "tensorboard",
        "optional",
        "tests",
        "benchmarks",
        "openvocab",
        "text",
    }
    assert set(metadata.get_all("Provides-Extra")) >= extras


@pytest.mark.parametrize(("extra", "prefix"), [("onedl", "onedl-mm"), ("openmmlab", "mm")])
def test_each_stack_is_an_extra(wheel: zipfile.ZipFile, extra: str, prefix: str) -> None:
    lines = Parser().parsestr(metadata_of(wheel).decode()).get_all("Requires-Dist")
    mine = [line for line in lines if re.search(rf"extra == ['\"]{extra}['\"]", line)]
    stack = {re.split(r"[^\w-]", line)[0] for line in mine if re.match(r"(onedl-)?mm", line)}
    assert stack == {prefix + end for end in ("engine", "cv", "pretrain")}


def test_wheel_carries_every_config_and_tool(wheel: zipfile.ZipFile) -> None:
    carried = set(wheel.namelist())
    sources = [
        path.relative_to(ROOT)
        for folder in ("mmsrdl", "configs", "tools")
        for path in ROOT.glob(f"{folder}/**/*.*")
        if path.suffix in {".py", ".sh", ".yml"} and ".mim" not in path.parts
    ]
    expected = {str(p) if p.parts[0] == "mmsrdl" else f"mmsrdl/.mim/{p}" for p in sources}
    assert len([name for name in expected if name.endswith("metafile.yml")]) > 4
    assert expected <= carried
    assert "mmsrdl/.mim/model-index.yml" in carried
    assert not [name for name in carried if "__pycache__" in name]


def test_sdist_is_complete(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """It has what a clone has, and the wheel that pip builds from it is the clone's."""
    folders = [tmp_path / name for name in ("source", "sdist", "unpacked", "wheel")]
    for folder in folders:
        folder.mkdir()
    source, target, unpacked, again = folders
    shutil.unpack_archive(build("sdist", copy_tree(source), target), unpacked)
    (top,) = unpacked.iterdir()
    files = {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}
    for folder in FOLDERS:
        paths = [path for path in ROOT.glob(f"{folder}/**/*.*") if ".mim" not in path.parts]
        kinds = {".md", ".png", ".py", ".sh", ".txt", ".yml"}
        expected = {str(path.relative_to(ROOT)) for path in paths if path.suffix in kinds}
        assert expected
        assert expected <= files
    assert {"CITATION.cff", "LICENSE", "Makefile", "model-index.yml", "README.md"} <= files
    with zipfile.ZipFile(build("wheel", top, again)) as archive:
        assert sorted(archive.namelist()) == sorted(wheel.namelist())


def test_editable_install_links_the_configs(tmp_path: Path) -> None:
    source, target = copy_tree(tmp_path / "source"), tmp_path / "editable"
    target.mkdir()
    build("editable", source, target)
    for name in ("configs", "tools", "model-index.yml"):
        link = source / "mmsrdl" / ".mim" / name
        assert link.is_symlink()
        assert link.resolve() == source / name


CONFIG = """
_base_ = "mmsrdl::table5/srdl_r101_voc07.py"
load = [dict(type="LoadImageFromFile"), dict(type="Resize", scale=(64, 64))]
loader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=[*load, dict(type="PackInputs")]),
)
train_dataloader = val_dataloader = test_dataloader = loader
model = dict(backbone=dict(depth=18, init_cfg=None), head=dict(in_channels=512))
train_cfg = dict(max_epochs=1)
"""


def test_commands_in_an_empty_folder(
    site: Path, project: Path, tiny_voc: Path, word_vectors: str
) -> None:
    """A stranger's config inherits through ``mmsrdl::``, trains an epoch and is tested."""
    (project / "mine.py").write_text(CONFIG)
    command = ["-m", "mmsrdl", "train", "mine.py", "--data-root", str(tiny_voc)]
    result = run(*command, "--word-vectors", word_vectors, path=site, cwd=project)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    assert "loss_era" in result.stdout + result.stderr
    assert "Failed to search registry" not in result.stdout + result.stderr
    command = ["-m", "mmsrdl", "test", "mine.py", "work_dirs/mine/epoch_1.pth"]
    result = run(*command, "--data-root", str(tiny_voc), path=site, cwd=project)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    assert "mlr/mAP" in result.stdout + result.stderr
    assert {path.name for path in project.iterdir()} == {"mine.py", "work_dirs"}


MODELS = """
import pathlib, sys
import mmsrdl
assert mmsrdl.__file__.startswith({site!r}), mmsrdl.__file__
assert "torch" not in sys.modules
from mmengine.config import Config
from mmengine.hub import get_config
name = "table5/r101_gap_voc07.py"
cfg = Config.fromfile("mine.py")
assert cfg.train_cfg.max_epochs == 7
assert cfg.model.head.num_classes == get_config("mmsrdl::" + name).model.head.num_classes == 20
model = mmsrdl.get_model("r101_gap_voc07")
import mmpretrain
theirs = mmpretrain.get_model("r101_gap_voc07", backbone=dict(init_cfg=None))
assert model.state_dict().keys() == theirs.state_dict().keys()
assert mmpretrain.list_models("srdl*") == mmsrdl.list_models("srdl*") != []
"""


def test_models_in_an_empty_folder(site: Path, project: Path) -> None:
    (project / "mine.py").write_text(
        "_base_ = 'mmsrdl::table5/r101_gap_voc07.py'\ntrain_cfg = dict(max_epochs=7)\n"
    )
    result = run("-c", MODELS.format(site=str(site)), path=site, cwd=project)
    assert result.returncode == 0, result.stderr


def test_checkout_that_is_not_installed_says_so(project: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "mmsrdl", source / "mmsrdl", ignore=NOT_SOURCE)
    for name in ("configs", "model-index.yml"):
        (source / name).symlink_to(ROOT / name)
    (project / "mine.py").write_text("_base_ = 'mmsrdl::table5/r101_gap_voc07.py'\n")
    result = run("-m", "mmsrdl", "train", "mine.py", path=source, cwd=project)
    assert result.returncode == 2
    assert "error: config='mine.py' inherits from mmsrdl::" in result.stderr
    assert f"pip install -e {source}" in result.stderr


@pytest.fixture
def photographs(project: Path) -> Path:
    """What docs/own_data.md begins with: photographs, two tables, weights and word vectors."""
    classes = ("boat", "car", "dog", "traffic light")
    names = [f"{number:06d}.jpg" for number in range(1, 61)]
    write_photos(project / "photos", names)
    rows = []
    for number, name in enumerate(names):
        with (project / "photos" / name).open("ab") as file:
            file.write(bytes([number]))  # no two files alike
        rows.append(f"{name},{';'.join({classes[number % 4], classes[number % 3]})}")
    (project / "photos.csv").write_text("\n".join(["path,labels", *rows[:40]]) + "\n")
    (project / "test.csv").write_text("\n".join(["path,labels", *rows[40:]]) + "\n")
    model = timm.create_model("tf_efficientnet_lite0")
    torch.save(model.state_dict(), project / "tf_efficientnet_lite0.pth")
    vectors = np.random.default_rng(0).normal(size=(4, 300))
    np.savez(project / "glove.npz", names=np.array(classes), vectors=vectors)
    shutil.copy(ROOT / "examples" / "onnx_consumer.py", project)
    return project


@pytest.mark.slow
def test_tutorial_runs_as_it_stands(site: Path, photographs: Path) -> None:
    """All commands of docs/own_data.md, on few photographs and for one epoch."""
    text = (ROOT / "docs" / "own_data.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", text, re.S)
    for line in "".join(blocks).splitlines():
        line = line.replace("--epochs 5", "--epochs 1").replace("epoch_5", "epoch_1")
        words = shlex.split(line)
        if words[0] == "mmsrdl":
            words = ["-m", *words]
        elif words[0] == "python":
            words = words[1:]
        else:
            continue
        result = run(*words, path=site, cwd=photographs)
        assert result.returncode == 0, f"{line}\n{result.stdout[-2000:]}{result.stderr[-3000:]}"
    for made in ("train.csv", "voc.py", "thresholds.json", "maps/000006.png", "report/index.html"):
        assert (photographs / made).stat().st_size > 0
