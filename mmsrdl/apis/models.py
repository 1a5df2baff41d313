"""The models of mmsrdl by name, as its model index lists them."""

from fnmatch import fnmatch
from typing import Any

from mmengine.registry import DefaultScope
from mmpretrain.apis.model import ModelHub
from mmpretrain.registry import MODELS
from torch import nn

from mmsrdl.apis.config import load_config
from mmsrdl.apis.inference import load_model
from mmsrdl.apis.model_index import model_configs, model_index
from mmsrdl.apis.report import no_report
from mmsrdl.apis.run import check_pretrained

__all__ = ["get_model", "list_models", "register_models"]


def list_models(pattern: str | None = None) -> list[str]:
    """Lists the models of mmsrdl.

    Args:
        pattern: Shell pattern of the names wanted, such as ``'*_coco'``. As in
            MMPretrain, any ending is added to it: ``'srdl'`` is ``'srdl*'``.

    Returns:
        Sorted names, which :func:`get_model`, :func:`load_config` and
        ``mmsrdl train`` take.
    """
    return sorted(
        name for name in model_configs() if pattern is None or fnmatch(name, pattern + "*")
    )


def get_model(
    name: str,
    checkpoint: str | None = None,
    word_vectors: str | None = None,
    device: str = "cpu",
    weights: str | bool = False,
) -> nn.Module:
    """Builds a model, and downloads nothing unless told to.

    Without a checkpoint the model is initialised as for a training from scratch. Its label vectors
    are then those of ``word_vectors``, or random and learned: the file that the config names is
    not looked for.

    Args:
        name: Name of a model, see :func:`list_models`; or what else :func:`load_config` takes.
        checkpoint: Checkpoint that fills the whole model, see :func:`load_model`.
        word_vectors: File of word vectors for the label embedder.
        device: Where the model goes.
        weights: ImageNet weights of the backbone: a file; True for those that the config names,
            which are downloaded; False for none.

    Returns:
        The model in evaluation mode.

    Raises:
        FileNotFoundError: If there is no such model or file.
        ValueError: If a file is of another model, or an option has no effect on this one.
        RuntimeError: If weights cannot be downloaded.
    """
    if checkpoint is not None:
        if word_vectors is not None or weights is not False:
            raise ValueError(
                f"checkpoint={checkpoint!r} fills the whole model: leave out word_vectors and "
                "weights"
            )
        return load_model(load_config(name), checkpoint, device)[0]
    file = weights if isinstance(weights, str) else None
    cfg = load_config(name, weights=file, word_vectors=word_vectors)
    if weights is False:
        _drop_pretrained(cfg.model)
    check_pretrained(cfg)
    embedder = cfg.model.get("head", {}).get("embedder")
    if embedder is not None and "word_vectors" in embedder and word_vectors is None:
        embedder.word_vectors = None
    scope = cfg.get("default_scope", "mmpretrain")
    with DefaultScope.overwrite_default_scope(scope), no_report():
        model = MODELS.build({"data_preprocessor": cfg.get("data_preprocessor"), **cfg.model})
        model.init_weights()
    model._config = cfg
    return model.to(device).eval()


def register_models() -> None:
    """Lets MMPretrain's ``get_model`` and ``list_models`` know the models of mmsrdl.

    A second call does nothing, and neither does one where the package came without its index.
    """
    try:
        known = all(map(ModelHub.has, model_configs()))
    except FileNotFoundError:
        return
    if not known:
        index = model_index()
        ModelHub.register_model_index(index, config_prefix=index.parent)


def _drop_pretrained(cfg: Any) -> None:
    """Takes every ``Pretrained`` initialiser out of a model's config."""
    if isinstance(cfg, dict):
        initialiser = cfg.get("init_cfg")
        if isinstance(initialiser, list | tuple):
            cfg["init_cfg"] = [each for each in initialiser if each["type"] != "Pretrained"]
        elif initialiser and initialiser["type"] == "Pretrained":
            cfg["init_cfg"] = None
        cfg = list(cfg.values())
    if isinstance(cfg, list | tuple):
        for each in cfg:
            _drop_pretrained(each)
