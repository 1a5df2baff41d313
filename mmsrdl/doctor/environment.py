"""Facts about an environment, whatever is broken in it."""

import contextlib
import importlib
import importlib.util
import io
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmsrdl._stack import PROVIDERS, installed_versions
from mmsrdl.version import __version__

__all__ = ["describe_environment"]

PACKAGES = (
    "torch", "torchvision", "triton", "numpy", "pillow", "opencv-python",
    "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless",
    "pycocotools", "matplotlib", "rich", "setuptools", "timm", "transformers", "onnx",
    "onnxruntime", "onnxruntime-gpu", "scikit-learn", "tensorboard", "gradio",
)  # fmt: skip
MODULES = (
    "numpy", "torch", "torchvision", "cv2", "PIL.Image", "matplotlib", "rich", "pycocotools.mask",
    "mmengine.runner", "mmcv", "mmpretrain.models",
)  # fmt: skip
"""What mmsrdl imports, in an order in which the first failure is the cause of those after it."""
VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES",
    "TRITON_INTERPRET", "PYTHONPATH",
)  # fmt: skip
GIB = 2**30


def describe_environment() -> dict[str, Any]:
    """Looks at the environment of this process.

    Returns:
        Sections, each a dict of what JSON can hold. ``imports`` holds what mmsrdl imports, with
        the error or None.
    """
    imports = {name: _import_error(name) for name in MODULES}
    has_torch = imports["torch"] is None
    return {
        "mmsrdl": {"version": __version__, "folder": str(Path(__file__).resolve().parents[1])},
        "system": _system(),
        "packages": _packages(),
        "stack": _stack(),
        "torch": _guarded(_torch) if has_torch else {},
        "operators": _guarded(_operators) if has_torch else {},
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "imports": imports,
    }


def _system() -> dict[str, Any]:
    disk = shutil.disk_usage(os.getcwd())
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "memory": _memory(),
        "disk here": f"{disk.free / GIB:.1f} GiB free of {disk.total / GIB:.1f}",
    }


def _memory() -> str:
    """Describes the memory, where the kernel tells it."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return "unknown"
    size = {line.split(":")[0]: int(line.split()[1]) / 2**20 for line in lines if " kB" in line}
    return f"{size['MemAvailable']:.1f} GiB available of {size['MemTotal']:.1f}"


def _packages() -> dict[str, str]:
    """Versions of the distributions that are installed."""
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def _stack() -> dict[str, Any]:
    """Which of the two sets of OpenMMLab distributions there is."""
    installed = installed_versions()
    found = {
        name: installed[name] for names in PROVIDERS.values() for name in names if name in installed
    }
    kinds = {"OneDL" if name.startswith("onedl-") else "official OpenMMLab" for name in found}
    content: dict[str, Any] = {"kind": " and ".join(sorted(kinds)) or "none", **found}
    mmcv = importlib.util.find_spec("mmcv")
    if mmcv is not None and mmcv.origin is not None:
        has_ops = any(Path(mmcv.origin).parent.glob("_ext.*"))
        content["mmcv.ops"] = "compiled" if has_ops else "not compiled"
    return content


def _torch() -> dict[str, Any]:
    import torch

    content: dict[str, Any] = {"threads": torch.get_num_threads(), "CUDA build": torch.version.cuda}
    if not torch.cuda.is_available():
        return {**content, "GPUs": "none that torch can use"}
    devices = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    return {
        **content,
        "cuDNN": torch.backends.cudnn.version(),
        "GPUs": [
            f"{device.name}, {device.total_memory / GIB:.1f} GiB, sm_{device.major}{device.minor}"
            for device in devices
        ],
    }


def _operators() -> dict[str, Any]:
    """Which back end computes the operators of the attention."""
    import torch

    from mmsrdl.ops.backend import describe_backend

    kinds = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    return {kind: describe_backend(torch.device(kind)) for kind in kinds}


def _guarded(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns a section, or the error where the section is what is broken."""
    try:
        with _silence():
            return describe()
    except Exception as error:
        return {"error": _words(error)}


def _import_error(name: str) -> str | None:
    """Returns why a module cannot be imported, or None if it can be."""
    try:
        with _silence():
            importlib.import_module(name)
    except Exception as error:
        return _words(error)
    return None


@contextlib.contextmanager
def _silence() -> Any:
    """Keeps what modules print as they are imported out of the report."""
    sink = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(sink):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(sink):
            yield


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip()}"
