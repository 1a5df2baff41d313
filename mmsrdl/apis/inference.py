"""Trained models from config and checkpoint."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import nn

from mmsrdl.apis.report import no_report
from mmsrdl.checkpoint import (
    check_label_vectors,
    check_settings,
    fill_model,
    read_checkpoint,
    state_dict_of,
    trained_classes,
)
from mmsrdl.datasets.class_names import first_difference

__all__ = ["load_model"]


def load_model(
    cfg: Config, checkpoint: str, device: str = "cpu", classes: Sequence[str] | None = None
) -> tuple[nn.Module, list[str]]:
    """Builds a config's model and fills it from a checkpoint.

    As from MMPretrain's ``get_model``, it carries its config as ``_config`` and its class names as
    ``_dataset_meta["classes"]``.

    Args:
        cfg: Config, see :func:`load_config`.
        checkpoint: Checkpoint of this model, read without running code from it.
        device: Where the model goes.
        classes: Class names in the model's order, for a checkpoint that names none; of a model of
            open vocabularies, such as one with a :class:`SigRLHead`, the names that it is asked
            for, in place of those that it was trained on.

    Returns:
        The model in evaluation mode, and the class names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, or is another model's.
    """
    content = read_checkpoint(checkpoint)
    state = state_dict_of(content, checkpoint)
    scope = cfg.get("default_scope", "mmpretrain")
    with DefaultScope.overwrite_default_scope(scope), no_report():
        preprocessor = cfg.get("data_preprocessor")
        model = MODELS.build({"data_preprocessor": preprocessor, **cfg.model})
    fill_model(model, state, checkpoint)
    check_settings(content, cfg.model, checkpoint)
    head: Any = getattr(model, "head", None)
    if getattr(head, "open_vocabulary", False):
        check_label_vectors(content, head.embedder.source.fingerprint, checkpoint)
    names = _class_names(model, trained_classes(content), classes, checkpoint)
    model._config, model._dataset_meta = cfg, {"classes": names}
    return model.to(device).eval(), list(names)


def _class_names(
    model: nn.Module, trained: Sequence[str], given: Sequence[str] | None, checkpoint: str
) -> tuple[str, ...]:
    """Returns the class names of a checkpoint, which no other source may contradict.

    A head of open vocabularies is told them.
    """
    head: Any = getattr(model, "head", None)
    if getattr(head, "open_vocabulary", False):
        if trained:
            head.set_trained_classes(trained)
        head.set_vocabulary(given or trained or head.classes)
        return head.classes
    embedder = getattr(head, "embedder", None)
    embedded = getattr(embedder, "classes", None)
    names = tuple(trained or embedded or given or ())
    if not names:
        raise ValueError(
            f"checkpoint {checkpoint!r} names no classes; evaluate a checkpoint that MMEngine "
            "saved, or give the names as classes=[...]"
        )
    for source, found, mend in (
        ("model.head.embedder", embedded, "give the config that it was trained with"),
        ("the argument classes", given, "leave the argument out"),
    ):
        if found is not None and tuple(found) != names:
            raise ValueError(
                f"checkpoint {checkpoint!r} was trained on other classes than those of {source}: "
                f"{first_difference(names, found)}; {mend}"
            )
    return names
