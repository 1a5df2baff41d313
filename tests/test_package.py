import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

import mmsrdl

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel of a copy of this tree, so that the build leaves nothing in it."""
    source = tmp_path_factory.mktemp("source")
    for name in ("mmsrdl", "configs", "tools", "requirements"):
        (source / name).symlink_to(ROOT / name)
    for name in ("setup.py", "pyproject.toml", "README.md", "model-index.yml", "LICENSE"):
        if (ROOT / name).exists():
            (source / name).write_bytes((ROOT / name).read_bytes())
    target = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(source)]
    built = subprocess.run([*pip, *options], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    with zipfile.ZipFile(next(target.glob("*.whl"))) as archive:
        yield archive


def run(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, with folders put before all installed ones."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, cwd=path[0], capture_output=True, text=True)


def test_version_is_a_release_number() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", mmsrdl.__version__)


def test_import_is_cheap() -> None:
    result = run("import sys, mmsrdl; print(*sys.modules)", ROOT)
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    assert not loaded & {"torch", "mmcv", "mmpretrain", "mmsrdl.models", "mmsrdl.datasets"}


def test_wheel_requires_no_stack_outside_the_extras(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert metadata["Name"] == "mmsrdl"
    assert metadata["Version"] == mmsrdl.__version__
    assert set(metadata["Requires-Python"].split(",")) == {">=3.10", "<3.14"}
    requirements = metadata.get_all("Requires-Dist")
    always = [line for line in requirements if "extra ==" not in line]
    assert any(line.startswith("torch") for line in always)
    assert not [line for line in always if re.match(r"(onedl-)?mm", line)]
    extras = {"onedl", "openmmlab", "timm", "tensorboard", "optional", "tests", "docs"}
    assert set(metadata.get_all("Provides-Extra")) >= extras - {"docs"}


@pytest.mark.parametrize(("extra", "prefix"), [("onedl", "onedl-mm"), ("openmmlab", "mm")])
def test_each_stack_is_an_extra(wheel: zipfile.ZipFile, extra: str, prefix: str) -> None:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    lines = Parser().parsestr(wheel.read(name).decode()).get_all("Requires-Dist")
    mine = [line for line in lines if re.search(rf"extra == ['\"]{extra}['\"]", line)]
    stack = {re.split(r"[^\w-]", line)[0] for line in mine if re.match(r"(onedl-)?mm", line)}
    assert stack == {prefix + end for end in ("engine", "cv", "pretrain")}


def test_wheel_carries_every_config_and_tool(wheel: zipfile.ZipFile) -> None:
    carried = set(wheel.namelist())
    sources = [
        path.relative_to(ROOT)
        for folder in ("mmsrdl", "configs", "tools")
        for path in ROOT.glob(f"{folder}/**/*.*")
        if path.suffix in {".py", ".sh"} and ".mim" not in path.parts
    ]
    expected = {str(p) if p.parts[0] == "mmsrdl" else f"mmsrdl/.mim/{p}" for p in sources}
    assert len(expected) > 10
    assert expected <= carried
    assert "mmsrdl/.mim/model-index.yml" in carried
    assert not [name for name in carried if "__pycache__" in name]


def test_configs_resolve_by_scope_from_a_strangers_project(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    site, project = tmp_path / "site", tmp_path / "project"
    wheel.extractall(site)
    base = site / "mmsrdl" / ".mim" / "configs" / "_base_" / "for_this_test.py"
    base.write_text("answer = 42\n")
    project.mkdir()
    project.joinpath("mine.py").write_text("_base_ = 'mmsrdl::_base_/for_this_test.py'\n")
    code = (
        "import mmsrdl; from mmengine import Config;"
        "assert 'site' in mmsrdl.__file__; print(Config.fromfile('mine.py').answer)"
    )
    result = run(code, project, site)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["42"]
