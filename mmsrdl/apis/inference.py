"""A trained model on single images."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS, TRANSFORMS
from torch import Tensor, nn

from mmsrdl.checkpoint import fill_model, read_checkpoint, state_dict_of, trained_classes
from mmsrdl.datasets.class_names import first_difference


@dataclass
class ImageAttention:
    """Scores and spatial attention of one image.

    Attributes:
        path: The image.
        scores: Probabilities, [C].
        spatial: SA in [0, 1], [C, H, W].
    """

    path: str
    scores: Tensor
    spatial: Tensor


def load_model(cfg: Config, checkpoint: str, device: str = "cpu") -> tuple[nn.Module, list[str]]:
    """Builds a config's model and fills it from a checkpoint.

    Args:
        cfg: Config, see :func:`load_config`.
        checkpoint: Checkpoint of this model, read without running code from it.
        device: Where the model goes.

    Returns:
        The model in evaluation mode, and the class names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, or is another model's.
    """
    content = read_checkpoint(checkpoint)
    state = state_dict_of(content, checkpoint)
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope", "mmpretrain")):
        preprocessor = cfg.get("data_preprocessor")
        model = MODELS.build({"data_preprocessor": preprocessor, **cfg.model})
    fill_model(model, state, checkpoint)
    embedder = getattr(getattr(model, "head", None), "embedder", None)
    embedded = getattr(embedder, "classes", None)
    classes = trained_classes(content) or embedded
    if not classes:
        raise ValueError(
            f"checkpoint {checkpoint!r} names no classes; evaluate a checkpoint that MMEngine saved"
        )
    if embedded is not None and tuple(embedded) != tuple(classes):
        raise ValueError(
            f"checkpoint {checkpoint!r} was trained on other classes than those of "
            f"model.head.embedder: {first_difference(classes, embedded)}; give the config that it "
            "was trained with"
        )
    return model.to(device).eval(), list(classes)


@torch.no_grad()
def attend_images(
    model: nn.Module, cfg: Config, paths: Sequence[str], device: str = "cpu"
) -> list[ImageAttention]:
    """Computes the scores and the spatial attention of images.

    Args:
        model: Model whose head is a :class:`CARHead` with spatial attention.
        cfg: Its config, whose test pipeline prepares the images.
        paths: Image files.
        device: Where the model is.

    Returns:
        One entry an image.

    Raises:
        TypeError: If the head has no spatial attention.
        FileNotFoundError: If an image is missing.
        RuntimeError: If an image does not decode.
    """
    head: Any = model.head
    if not getattr(head, "spatial_attention", False):
        raise TypeError(
            f"the head {type(head).__name__} has no spatial attention of classes; use a config "
            "with an mmsrdl.CARHead (use_spatial=True)"
        )
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(f"{len(missing)} images do not exist: {', '.join(missing[:10])}")
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope", "mmpretrain")):
        pipeline = Compose(
            [TRANSFORMS.build(step) for step in cfg.test_dataloader.dataset.pipeline]
        )
    prepare: Any = model.data_preprocessor
    extract: Any = model.extract_feat
    results = []
    for path in paths:
        try:
            batch = default_collate([pipeline({"img_path": path})])
        except Exception as error:
            raise RuntimeError(
                f"image {path!r} cannot be prepared: {type(error).__name__}: {str(error).strip()}. "
                "If it is damaged or no image, leave it out"
            ) from error
        batch["inputs"] = batch["inputs"].to(device)
        inputs = prepare(batch)["inputs"]
        maps = head.attend(extract(inputs))
        scores = head.classifier(head.attention.pool(maps)).sigmoid()
        results.append(ImageAttention(path, scores[0].cpu(), maps.spatial_map()[0].cpu()))
    return results
