"""Packaging of mmsrdl: the wheel carries configs, tools and model index as ``mmsrdl/.mim``."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_FOLDERS = ("configs", "tools")
MIM_INDEX = "model-index.yml"


def read_version() -> str:
    """Version string of ``mmsrdl/version.py``, read without importing the package."""
    text = (ROOT / "mmsrdl" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, flags=re.MULTILINE)
    if found is None:
        raise RuntimeError('mmsrdl/version.py has no line of the form: __version__ = "1.2.3"')
    return found.group(1)


def read_requirements(name: str) -> list[str]:
    """Requirements of ``requirements/<name>.txt`` without their comments."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.split("#", maxsplit=1)[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def read_extras() -> dict[str, list[str]]:
    """The two stacks, the requirement files, and one extra for each optional package."""
    optional = read_requirements("optional")
    extras = {re.split(r"[^\w-]", line, maxsplit=1)[0]: [line] for line in optional}
    return extras | {
        "onedl": read_requirements("mminstall"),
        "openmmlab": read_requirements("openmmlab"),
        "optional": optional,
        "export": read_requirements("export"),
        "tests": read_requirements("tests"),
        "benchmarks": read_requirements("benchmarks"),
        "openvocab": read_requirements("openvocab"),
        "text": read_requirements("text"),
        "docs": read_requirements("docs"),
        "serve": read_requirements("serve"),
    }


class BuildPyWithMim(build_py):
    """``build_py`` that also lays out ``mmsrdl/.mim``: copied for a wheel, linked for ``-e``.

    MMEngine resolves ``_base_ = 'mmsrdl::...'`` under that folder.
    """

    def run(self) -> None:
        """Build the modules, then the folder ``.mim`` beside them."""
        super().run()
        package = ROOT if self.editable_mode else Path(self.build_lib)
        mim = package / "mmsrdl" / ".mim"
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for name in (*MIM_FOLDERS, MIM_INDEX):
            source = ROOT / name
            if self.editable_mode:
                (mim / name).symlink_to(Path("..", "..", name))
            elif source.is_dir():
                shutil.copytree(source, mim / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, mim / name)


if __name__ == "__main__":
    setup(
        name="mmsrdl",
        version=read_version(),
        description="Multi-label image recognition for OpenMMLab, with SRDL as its flagship",
        long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
        long_description_content_type="text/markdown",
        author="mmsrdl contributors",
        license="Apache-2.0",
        keywords="computer vision, multi-label image recognition, OpenMMLab",
        classifiers=[
            "Development Status :: 3 - Alpha",
            "Intended Audience :: Science/Research",
            "Operating System :: POSIX :: Linux",
            "Programming Language :: Python :: 3",
            "Programming Language :: Python :: 3.10",
            "Programming Language :: Python :: 3.11",
            "Programming Language :: Python :: 3.12",
            "Programming Language :: Python :: 3.13",
            "Topic :: Scientific/Engineering :: Artificial Intelligence",
        ],
        packages=find_packages(include=["mmsrdl", "mmsrdl.*"]),
        package_data={"mmsrdl.visualization.report": ["*.jinja"]},
        # MMEngine and the stack support 3.10 upwards; 3.14 has not been tried.
        python_requires=">=3.10,<3.14",
        install_requires=read_requirements("runtime"),
        extras_require=read_extras(),
        entry_points={"console_scripts": ["mmsrdl = mmsrdl.cli:main"]},
        cmdclass={"build_py": BuildPyWithMim},
        zip_safe=False,
    )
