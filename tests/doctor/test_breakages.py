from typing import Any

import pytest

from mmsrdl.doctor import describe_environment, find_breakages

ONEDL = {"onedl-mmengine": "0.10.12", "onedl-mmcv": "2.3.6", "onedl-mmpretrain": "1.3.6"}
OFFICIAL = {"mmengine": "0.10.7", "mmcv": "2.2.0", "mmpretrain": "1.2.0"}
LIBGL = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
NMS = "RuntimeError: operator torchvision::nms does not exist"
NUMPY1 = "ValueError: numpy.dtype size changed, may indicate binary incompatibility."


def facts(
    stack: dict[str, str] | None = None, imports: dict[str, str] | None = None, **packages: str
) -> dict[str, Any]:
    """A healthy environment, but for what is given."""
    versions = {
        "torch": "2.14.1",
        "torchvision": "0.29.2",
        "numpy": "2.4.6",
        "pycocotools": "2.0.8",
    }
    names = ("numpy", "torch", "torchvision", "cv2", "pycocotools.mask", "mmpretrain.models")
    return {
        "packages": {**versions, **{name.replace("_", "-"): v for name, v in packages.items()}},
        "stack": {"kind": "", "mmcv.ops": "compiled", **(ONEDL if stack is None else stack)},
        "imports": {**dict.fromkeys(names), **(imports or {})},
    }


def test_nothing_is_broken_here() -> None:
    assert find_breakages(facts()) == []
    here = describe_environment()
    assert not [each for each in find_breakages(here) if each.level == "breakage"]
    assert set(here["imports"].values()) == {None}


@pytest.mark.parametrize(
    ("environment", "what", "mend"),
    [
        (facts({**ONEDL, **OFFICIAL}), "overwrite each other's files", "pip uninstall -y onedl-mm"),
        (facts({}), "needs mmengine, mmcv, mmpretrain", "pip install onedl-mmengine onedl-mmcv"),
        (facts(OFFICIAL), "cannot load its own checkpoints with torch 2.14.1", '"torch<2.6"'),
        (
            facts(OFFICIAL, torch="2.5.1", setuptools="82.0.1"),
            "imports pkg_resources, which setuptools 82 dropped",
            'pip install "setuptools<82"',
        ),
        (
            facts(imports={"torchvision": NMS, "mmpretrain.models": NMS}, torchvision="0.20.1"),
            f"torchvision 0.20.1 is not built for torch 2.14.1: {NMS}",
            '"torchvision==0.29.*"',
        ),
        (facts(imports={"cv2": LIBGL}), "misses a library of the system", "opencv-python-headless"),
        (
            facts(pycocotools="2.0.6", imports={"pycocotools.mask": NUMPY1}),
            "pycocotools 2.0.6 is built for numpy 1",
            '"pycocotools>=2.0.8"',
        ),
        (
            facts(transformers="5.0.0", imports={"mmpretrain.models": "TypeError: NoneType"}),
            "mmpretrain.models fails to import with 5",
            '"transformers<5"',
        ),
        (
            facts(imports={"cv2": NUMPY1}),
            "cv2 cannot be imported: ValueError: numpy.dtype size changed",
            "pip install --upgrade cv2",
        ),
        (
            facts(imports={"torch": "OSError: libx.so\nmore", "torchvision": "OSError: libx.so"}),
            "torch cannot be imported: OSError: libx.so",
            "install torch anew",
        ),
    ],
)
def test_known_breakages(environment: dict[str, Any], what: str, mend: str) -> None:
    (finding,) = find_breakages(environment)
    assert finding.level == "breakage"
    assert what in finding.what
    assert "\n" not in finding.what
    assert mend in finding.mend


@pytest.mark.parametrize(
    "environment",
    [
        facts(OFFICIAL, torch="2.5.1", setuptools="81.0.0"),
        facts(setuptools="84.2.1"),
        facts(transformers="4.57.1"),
        facts(numpy="1.26.4", pycocotools="2.0.6"),
    ],
)
def test_what_is_fine(environment: dict[str, Any]) -> None:
    assert find_breakages(environment) == []


def test_notes() -> None:
    (note,) = find_breakages(facts({**ONEDL, "mmcv.ops": "not compiled"}))
    assert (note.level, note.mend) == ("note", "")
    assert "mmsrdl needs none of them" in note.what
    (note,) = find_breakages(facts(opencv_python="4.10.0", opencv_python_headless="4.10.0"))
    assert (note.level, note.what[:44]) == ("note", "opencv-python and opencv-python-headless ove")
