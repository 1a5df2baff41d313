import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmsrdl._stack import check_stack, installed_versions

ROOT = Path(__file__).resolve().parents[1]

ONEDL = {"onedl-mmengine": "0.10.12", "onedl-mmcv": "2.3.6", "onedl-mmpretrain": "1.3.6"}
OFFICIAL = {"mmengine": "0.10.7", "mmcv": "2.2.0", "mmpretrain": "1.2.0"}


@pytest.mark.parametrize(
    "installed",
    [
        {**ONEDL, "torch": "2.14.1"},
        {**ONEDL, "torch": "2.5.1"},
        {**OFFICIAL, "torch": "2.5.1+cu124"},
        {**OFFICIAL, "torch": "2.4.0"},
        {**OFFICIAL, "mmengine": "0.10.8", "torch": "2.14.1"},
        {**OFFICIAL, "mmengine": "", "torch": "2.14.1"},
        {"mmengine": "0.10.7", "mmcv-lite": "2.2.0", "mmpretrain": "1.2.0", "torch": "2.5.1"},
        ONEDL,
    ],
)
def test_working_stacks_pass(installed: dict[str, str]) -> None:
    assert check_stack(installed) is None


def test_no_stack_asks_for_onedl() -> None:
    message = check_stack({"torch": "2.14.1"})
    assert message is not None
    assert "needs mmengine, mmcv, mmpretrain" in message
    assert "pip install onedl-mmengine onedl-mmcv onedl-mmpretrain" in message


@pytest.mark.parametrize(
    ("stack", "gone", "mend"),
    [
        (ONEDL, "onedl-mmpretrain", "pip install onedl-mmpretrain"),
        (ONEDL, "onedl-mmcv", "pip install onedl-mmcv"),
        (OFFICIAL, "mmpretrain", "pip install mmpretrain"),
        (OFFICIAL, "mmengine", "pip install mmengine"),
    ],
)
def test_missing_part_is_named_in_the_stack_in_use(
    stack: dict[str, str], gone: str, mend: str
) -> None:
    message = check_stack({name: text for name, text in stack.items() if name != gone})
    assert message is not None
    assert f"needs {gone.removeprefix('onedl-')}, not installed" in message
    assert message.splitlines()[-1].strip() == mend


@pytest.mark.parametrize(
    ("extra", "pair"),
    [
        ("mmengine", "onedl-mmengine and mmengine"),
        ("mmcv", "onedl-mmcv and mmcv"),
        ("mmcv-lite", "onedl-mmcv and mmcv-lite"),
        ("mmpretrain", "onedl-mmpretrain and mmpretrain"),
    ],
)
def test_two_distributions_of_one_module_are_refused(extra: str, pair: str) -> None:
    message = check_stack({**ONEDL, extra: "1.0", "torch": "2.14.1"})
    assert message is not None
    assert pair in message
    uninstall = next(line for line in message.splitlines() if "pip uninstall" in line).split()
    assert set(uninstall) >= {*ONEDL, extra}


@pytest.mark.parametrize("torch", ["2.6.0", "2.6.0+cu124", "2.14.1", "3.0"])
@pytest.mark.parametrize("engine", ["0.10.7", "0.10.5", "0.9"])
def test_official_mmengine_with_new_torch_is_refused(engine: str, torch: str) -> None:
    message = check_stack({**OFFICIAL, "mmengine": engine, "torch": torch})
    assert message is not None
    assert f"mmengine {engine} cannot load its own checkpoints with torch {torch}" in message
    assert "pip uninstall -y mmengine mmcv mmpretrain" in message
    assert '"torch<2.6"' in message


def test_this_environment_is_read() -> None:
    versions = installed_versions()
    assert "torch" in versions
    assert check_stack(versions) is None


def import_mmsrdl(*options: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Import mmsrdl in a process of its own, with one more folder of distributions."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)])}
    command = [sys.executable, *options, "-c", "import mmsrdl"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def install(folder: Path, **versions: str) -> None:
    """Writes the metadata of distributions, which is all that the guard reads."""
    for name, version in versions.items():
        (folder / f"{name}-{version}.dist-info").mkdir()
        (folder / f"{name}-{version}.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        )


def test_import_stops_without_a_stack(tmp_path: Path) -> None:
    # -S leaves the site-packages out.
    result = import_mmsrdl("-S", path=tmp_path)
    assert result.returncode == 1
    assert "RuntimeError: mmsrdl needs mmengine, mmcv, mmpretrain" in result.stderr


def test_import_stops_with_both_stacks(tmp_path: Path) -> None:
    install(tmp_path, mmengine="0.10.7", onedl_mmengine="0.10.12")
    result = import_mmsrdl(path=tmp_path)
    assert result.returncode == 1
    assert "RuntimeError: mmsrdl found distributions that overwrite" in result.stderr
    assert "onedl-mmengine and mmengine" in result.stderr


def test_import_stops_with_official_mmengine_and_new_torch(tmp_path: Path) -> None:
    install(tmp_path, mmengine="0.10.7", mmcv="2.2.0", mmpretrain="1.2.0", torch="2.14.1")
    result = import_mmsrdl("-S", path=tmp_path)
    assert result.returncode == 1
    assert "RuntimeError: mmengine 0.10.7 cannot load its own checkpoints with torch 2.14.1" in (
        result.stderr
    )
    assert "pip uninstall -y mmengine mmcv mmpretrain\n" in result.stderr


def test_source_checkouts_count_as_installed(tmp_path: Path) -> None:
    for module in ("mmcv", "mmengine", "mmpretrain"):
        tmp_path.joinpath(module).mkdir()
        tmp_path.joinpath(module, "__init__.py").touch()
    config = tmp_path / "mmengine" / "config"
    config.mkdir()
    config.joinpath("__init__.py").touch()
    config.joinpath("utils.py").write_text("MODULE2PACKAGE = {}\n")
    result = import_mmsrdl("-S", path=tmp_path)
    assert result.returncode == 0, result.stderr


def test_configs_are_sought_in_the_package_that_was_imported(tmp_path: Path) -> None:
    """Not in another mmsrdl of this environment, which a clone on PYTHONPATH hides."""
    install(tmp_path, mmsrdl="0.0.1")
    (tmp_path / "mmsrdl-0.0.1.dist-info" / "top_level.txt").write_text("mmsrdl\n")
    (tmp_path / "mmsrdl").mkdir()
    code = (
        "import mmsrdl\n"
        "from mmengine.config.utils import _get_package_and_cfg_path\n"
        "from mmengine.utils import get_installed_path, is_installed\n"
        "name, path = _get_package_and_cfg_path('mmsrdl::table5/a.py')\n"
        "assert is_installed(name)\n"
        "print(get_installed_path(name), path)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{ROOT / 'mmsrdl'} table5/a.py"
