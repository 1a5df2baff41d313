"""The known breakages of the stack, recognised from facts alone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mmsrdl._stack import LAST_OFFICIAL_MMENGINE, check_stack, release_of

__all__ = ["Finding", "find_breakages"]

Facts = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """Something found.

    Attributes:
        level: ``'breakage'``, or ``'note'`` of what is no fault but good to know.
        what: What is wrong, and what fails because of it.
        mend: What to do, command lines as a rule.
    """

    level: Literal["breakage", "note"]
    what: str
    mend: str = ""


def find_breakages(facts: Facts) -> list[Finding]:
    """Recognises known breakages.

    Args:
        facts: Output of :func:`describe_environment`.

    Returns:
        What was found. A failed import that no known breakage explains is a breakage, too.
    """
    found: list[Finding] = []
    explained: set[str] = set()
    for check, imports in CHECKS.items():
        findings = list(check(facts))
        if findings:
            found += findings
            explained.update(imports)
    found.extend(_unexplained(facts, explained))
    return found


def _has(facts: Facts, package: str, low: tuple[int, ...]) -> bool:
    """Whether a package is installed in a version of at least ``low``."""
    text = facts["packages"].get(package)
    return text is not None and release_of(text) >= low


def _stack(facts: Facts) -> Iterator[Finding]:
    """Both stacks, none, a part of one, or official MMEngine with a new torch."""
    versions = {name: text for name, text in facts["stack"].items() if name not in NO_VERSIONS}
    problem = check_stack(versions | {"torch": facts["packages"].get("torch", "")})
    if problem is not None:
        what, _, mend = problem.partition("\n")
        yield Finding("breakage", what.rstrip(":"), mend)


NO_VERSIONS = ("kind", "mmcv.ops")


def _setuptools(facts: Facts) -> Iterator[Finding]:
    engine = facts["stack"].get("mmengine")
    if engine and release_of(engine) <= LAST_OFFICIAL_MMENGINE and _has(facts, "setuptools", (82,)):
        yield Finding(
            "breakage",
            f"mmengine {engine} imports pkg_resources, which setuptools 82 dropped: configs that "
            "inherit from mmpretrain:: or mmsrdl:: cannot be read",
            'pip install "setuptools<82"',
        )


def _torchvision(facts: Facts) -> Iterator[Finding]:
    error = facts["imports"].get("torchvision")
    torch = facts["packages"].get("torch")
    if error is None or torch is None or facts["imports"].get("torch") is not None:
        return
    if "torchvision::nms" in error or "undefined symbol" in error or "cannot open shared" in error:
        # Since torch 2.0 with torchvision 0.15 the two have been counted up together.
        pair = f"0.{release_of(torch)[1] + 15}.*"
        yield Finding(
            "breakage",
            f"torchvision {facts['packages'].get('torchvision')} is not built for torch {torch}: "
            f"{_first_line(error)}",
            f'pip install "torchvision=={pair}"   # the pair of torch {torch}, from the same index',
        )


def _opencv(facts: Facts) -> Iterator[Finding]:
    error = facts["imports"].get("cv2")
    if error is not None and "cannot open shared object file" in error:
        yield Finding(
            "breakage",
            f"OpenCV misses a library of the system: {_first_line(error)}",
            "pip uninstall -y opencv-python opencv-contrib-python\n"
            "pip install --force-reinstall opencv-python-headless\n"
            "or, on Debian and Ubuntu: apt-get install -y libgl1 libglib2.0-0",
        )


def _pycocotools(facts: Facts) -> Iterator[Finding]:
    old = "pycocotools" in facts["packages"] and not _has(facts, "pycocotools", (2, 0, 8))
    if _has(facts, "numpy", (2,)) and old:
        yield Finding(
            "breakage",
            f"pycocotools {facts['packages']['pycocotools']} is built for numpy 1 and fails with "
            f"numpy {facts['packages']['numpy']}",
            'pip install "pycocotools>=2.0.8"',
        )


def _transformers(facts: Facts) -> Iterator[Finding]:
    if _has(facts, "transformers", (5,)):
        yield Finding(
            "breakage",
            f"transformers {facts['packages']['transformers']}: MMPretrain's CLIP and BLIP are "
            "written for transformers 4, and all of mmpretrain.models fails to import with 5",
            'pip install "transformers<5"',
        )


def _several_opencvs(facts: Facts) -> Iterator[Finding]:
    builds = [name for name in facts["packages"] if name.startswith("opencv-")]
    if len(builds) > 1:
        yield Finding(
            "note",
            f"{' and '.join(builds)} overwrite each other's files; the one installed last serves",
        )


def _operators_of_mmcv(facts: Facts) -> Iterator[Finding]:
    if facts["stack"].get("mmcv.ops") == "not compiled":
        yield Finding(
            "note", "mmcv comes without compiled operators (mmcv.ops); mmsrdl needs none of them"
        )


Check = Callable[[Facts], Iterator[Finding]]
STACK = ("mmengine.runner", "mmcv", "mmpretrain.models")
CHECKS: dict[Check, tuple[str, ...]] = {
    _stack: STACK,
    _setuptools: STACK,
    _torchvision: ("torchvision", *STACK),
    _opencv: ("cv2", *STACK),
    _pycocotools: ("pycocotools.mask",),
    _transformers: ("mmpretrain.models",),
    _several_opencvs: (),
    _operators_of_mmcv: (),
}
"""The checks, each with the imports that fail because of what it finds."""


def _unexplained(facts: Facts, explained: set[str]) -> Iterator[Finding]:
    """Yields the first import that fails for another reason, the cause of those after it."""
    for module, error in facts["imports"].items():
        if error is not None and module not in explained:
            package = module.split(".")[0]
            if re.search(r"numpy\.dtype size changed|compiled using NumPy 1", error):
                mend = f"{package} is built for numpy 1: pip install --upgrade {package}"
            else:
                mend = f"install {package} anew, and report this if it stays"
            yield Finding("breakage", f"{module} cannot be imported: {_first_line(error)}", mend)
            return


def _first_line(text: str) -> str:
    return text.splitlines()[0]
