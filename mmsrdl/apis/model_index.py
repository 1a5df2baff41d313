"""Where the configs of mmsrdl lie, in an installed package and in a checkout."""

import os
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import mmsrdl

__all__ = ["config_path", "model_configs", "model_index"]

PACKAGE = Path(mmsrdl.__file__).resolve().parent
SCOPE = "mmsrdl::"


def model_index() -> Path:
    """Returns the file model-index.yml, beside which the folder of configs lies.

    Raises:
        FileNotFoundError: If the package came without it.
    """
    for root in (PACKAGE / ".mim", PACKAGE.parent):
        if (root / "model-index.yml").is_file() and (root / "configs").is_dir():
            return root / "model-index.yml"
    raise FileNotFoundError(
        f"{PACKAGE} has no configs beside it; install mmsrdl with pip, from its wheel or its clone"
    )


@lru_cache(maxsize=1)
def model_configs() -> dict[str, Path]:
    """Reads the model index.

    Returns:
        Names of models to config files.

    Raises:
        FileNotFoundError: If the package came without its model index.
    """
    from modelindex.load_model_index import load

    index = model_index()
    return {model.name: index.parent / model.config for model in load(str(index)).models}


def config_path(config: str | os.PathLike[str]) -> str:
    """Finds a config file.

    Args:
        config: A file; ``mmsrdl::table5/car_r101_coco.py``, below the configs
            that come with mmsrdl; or the name of a model, see :func:`list_models`.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If there is none; names what is nearest.
    """
    config = os.fspath(config)
    if os.path.isfile(config):
        return config
    if config.startswith(SCOPE):
        return _config_below(config)
    configs = model_configs()
    if config in configs:
        return str(configs[config])
    near = get_close_matches(Path(config).stem, configs, cutoff=0.5)
    raise FileNotFoundError(
        f"config={config!r} does not exist: give a file, the name of a model "
        f"{_nearest(near)}, or mmsrdl::FOLDER/FILE.py. mmsrdl.list_models() names all models"
    )


def _config_below(config: str) -> str:
    """Finds ``mmsrdl::FOLDER/FILE.py``."""
    root = model_index().parent / "configs"
    path = root / config.removeprefix(SCOPE)
    path = path if path.suffix else path.with_suffix(".py")
    if path.is_file():
        return str(path)
    known = sorted(f"{SCOPE}{file.relative_to(root).as_posix()}" for file in root.rglob("*.py"))
    near = get_close_matches(config, known, cutoff=0.5)
    raise FileNotFoundError(
        f"config={config!r} does not exist {_nearest(near)}. It is sought in {root}"
    )


def _nearest(names: list[str]) -> str:
    """Says which names were perhaps meant."""
    return f"(nearest: {', '.join(names)})" if names else "(none is similar)"
