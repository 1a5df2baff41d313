"""Import guard: is there exactly one OpenMMLab stack, and does it work with this torch?

Two sets of distributions, OneDL's and OpenMMLab's own, provide ``mmengine``, ``mmcv`` and
``mmpretrain``. They overwrite each other's files, and pip cannot require "A or B", so that
what is wrong is found here. Only metadata is read: nothing heavy is imported.
"""

import os
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import pairwise

__all__ = [
    "check_stack",
    "installed_versions",
    "is_doctor",
    "register_config_scope",
    "release_of",
    "require_stack",
]

PROVIDERS = {
    "mmengine": ("onedl-mmengine", "mmengine"),
    "mmcv": ("onedl-mmcv", "mmcv", "mmcv-lite", "mmcv-full"),
    "mmpretrain": ("onedl-mmpretrain", "mmpretrain"),
}
"""The distributions that provide each module, OneDL's first."""

INSTALL_ONEDL = "pip install " + " ".join(names[0] for names in PROVIDERS.values())
LAST_OFFICIAL_MMENGINE = (0, 10, 7)
FIRST_STRICT_TORCH = (2, 6)


def check_stack(installed: Mapping[str, str]) -> str | None:
    """What is wrong with the OpenMMLab stack in an environment, and how to mend it.

    Args:
        installed: Versions by name of distribution; ``""`` is an unknown version.

    Returns:
        The message for the user, or None where the stack can be used.
    """
    found = {
        module: [name for name in names if name in installed] for module, names in PROVIDERS.items()
    }
    every = [name for names in found.values() for name in names]
    clashes = [names for names in found.values() if len(names) > 1]
    if clashes:
        return _message_clash(clashes, every)
    missing = [module for module, names in found.items() if not names]
    if missing:
        return _message_missing(missing, every)
    engine, torch = installed.get("mmengine"), installed.get("torch")
    if (
        engine
        and torch
        and release_of(engine) <= LAST_OFFICIAL_MMENGINE
        and release_of(torch) >= FIRST_STRICT_TORCH
    ):
        return _message_new_torch(engine, torch, every)
    return None


def installed_versions() -> dict[str, str]:
    """Versions of torch and of every provider found in this environment.

    A module that can be imported without a distribution, as from a source checkout on
    PYTHONPATH, stands under its own name with the version ``""``.
    """
    versions = {}
    for name in ("torch", *(name for names in PROVIDERS.values() for name in names)):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    for module, names in PROVIDERS.items():
        if not versions.keys() & set(names):
            spec = find_spec(module)
            if spec is not None and spec.origin is not None:
                versions[module] = ""
    return versions


def is_doctor(command: Sequence[str]) -> bool:
    """Whether a command line is that of ``mmsrdl doctor``, which has to answer in any environment.

    Args:
        command: ``sys.orig_argv``, such as ``["python", "-m", "mmsrdl", "doctor"]``.
    """
    words = [os.path.basename(word) for word in command if word != "--debug"]
    return ("mmsrdl", "doctor") in pairwise(words)


def require_stack() -> None:
    """Stop unless one working OpenMMLab stack is installed.

    Raises:
        RuntimeError: With the mend in its text. Not an ImportError, which MMEngine's registry
            would swallow on its way to "not in the registry".
    """
    problem = check_stack(installed_versions())
    if problem is not None:
        raise RuntimeError(problem)


def register_config_scope() -> None:
    """Let ``_base_ = 'mmsrdl::folder/name.py'`` resolve: MMEngine only knows listed packages.

    MMEngine asks the distribution of this name where the package lies, and official MMEngine gets
    a wrong answer for an editable install. Of a name that no distribution has, it asks the import
    system for a module, beside which it looks: ``mmsrdl.version`` lies in this very package.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE.setdefault("mmsrdl", "mmsrdl.version")


def release_of(text: str) -> tuple[int, ...]:
    """Release numbers of a version: ``'2.6.0a0+git1'`` -> ``(2, 6, 0)``."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def _message_clash(clashes: list[list[str]], every: list[str]) -> str:
    """Several distributions of one module, which overwrite each other's files."""
    pairs = "; ".join(" and ".join(names) for names in clashes)
    return (
        f"mmsrdl found distributions that overwrite each other's files: {pairs}. "
        "Remove them all, then install one stack:\n"
        f"    pip uninstall -y {' '.join(every)}\n"
        f"    {INSTALL_ONEDL}"
    )


def _message_missing(missing: list[str], every: list[str]) -> str:
    """Modules that no distribution provides; the mend completes the stack in use."""
    official = any(not name.startswith("onedl-") for name in every)
    mend = " ".join(missing if official else [PROVIDERS[module][0] for module in missing])
    return f"mmsrdl needs {', '.join(missing)}, not installed here:\n    pip install {mend}"


def _message_new_torch(engine: str, torch: str, every: list[str]) -> str:
    """Official MMEngine with a torch that loads with ``weights_only=True`` by default."""
    return (
        f"mmengine {engine} cannot load its own checkpoints with torch {torch} (2.6 and newer). "
        "Change to the maintained OneDL stack:\n"
        f"    pip uninstall -y {' '.join(every)}\n"
        f"    {INSTALL_ONEDL}\n"
        "or keep official OpenMMLab with an older torch:\n"
        '    pip install "torch<2.6" "torchvision<0.21" "setuptools<82"'
    )
