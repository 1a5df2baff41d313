"""Distillation from the image encoder as it was published."""

import os
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmpretrain.models.backbones import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.checkpoint import fill_model, read_state_dict
from mmsrdl.models.precision import at_least_float32
from mmsrdl.registry import MODELS

__all__ = ["FrozenTail"]


@MODELS.register_module()
class FrozenTail(BaseModule):
    r"""Holds the class token to that of the published image encoder, which is frozen.

    The loss is the mean of :math:`|q - q'|` over all B x E entries of the projected class tokens,
    q the model's and q' the published encoder's, neither normalised.

    Source: MKT's and SigRL's public code, which runs a second, whole encoder. Where a model trains
    its last blocks alone, the first ones of both are the same, and so are their tokens: only copies
    of the last blocks, the last norm and the projection are needed. They are taken from the
    published weights by ``init_weights()`` and kept in checkpoints, so that a resumed run has the
    same teacher.

    The loss of the very first iteration is 0, if the model starts from the same weights.

    Args:
        backbone: Config of the model's backbone, a ``VisionTransformer``. Its ``frozen_stages``
            must leave no more than the last ``layers`` blocks to train, and its ``out_indices``
            must be the block before these, and the last one: ``frozen_stages=10`` and
            ``out_indices=[9, 11]`` for 2 of 12.
        checkpoint: Published weights, as `mmsrdl convert clip` writes them.
        in_channels: E, channels of the projected tokens. The head knows it.
        layers: Number of blocks that are trained.
        loss_weight: Weight of the loss.

    Raises:
        TypeError: If a number is of another type, or the backbone's config is none.
        ValueError: If an argument is out of range, or the backbone trains other blocks or returns
            others; in ``init_weights()``, if the weights are others.
    """

    def __init__(
        self,
        backbone: dict,
        checkpoint: str | os.PathLike[str],
        in_channels: int,
        layers: int = 2,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        check_integer("layers", layers, low=1, example=2)
        check_integer("in_channels", in_channels, low=1, example=512)
        check_number("loss_weight", loss_weight, low=0, example=1.0)
        settings = _arch(backbone)
        self.depth, self.num_layers = int(settings["num_layers"]), layers
        _check_backbone(backbone, self.depth, layers)
        self.checkpoint, self.loss_weight = os.fspath(checkpoint), loss_weight
        tail = VisionTransformer(**_cut(backbone, settings, layers))
        self.layers, self.ln1 = tail.layers, tail.ln1
        self.proj = nn.Parameter(torch.zeros(tail.embed_dims, in_channels))
        self.requires_grad_(False)

    def init_weights(self) -> None:
        """Takes the teacher from the published weights."""
        first = self.depth - self.num_layers
        names = {"backbone.ln1.": "ln1.", "neck.proj": "proj"}
        names |= {f"backbone.layers.{first + i}.": f"layers.{i}." for i in range(self.num_layers)}
        published = read_state_dict(self.checkpoint)
        wrong = [name for name in published if name.startswith(f"backbone.layers.{self.depth}.")]
        if wrong:
            raise ValueError(
                f"checkpoint {self.checkpoint!r} has more blocks than the {self.depth} of the "
                f"backbone, such as {wrong[0]}; give the weights that the backbone starts from"
            )
        state = {
            new + name.removeprefix(old): entry
            for name, entry in published.items()
            for old, new in names.items()
            if name.startswith(old)
        }
        fill_model(self, state, self.checkpoint)

    def auxiliary_losses(self, scored: Any) -> dict[str, Tensor]:
        """Computes ``loss_dist``.

        Args:
            scored: The head's pass over the images: ``feats`` is what backbone and neck
                returned, the tokens before the last blocks, [B, N, D], first; ``maps.token`` is
                q, [B, E].

        Raises:
            ValueError: If these tokens depend on what is trained, or are missing.
        """
        feats, token = scored.feats, scored.maps.token
        if isinstance(feats, Tensor) or len(feats) != 2 or token is None or feats[0].dim() != 3:
            raise ValueError(
                "distillation takes the tokens before the last blocks, and a class token; set "
                f"backbone.out_indices={_stages(self.depth, self.num_layers)} and out_type='raw'"
            )
        if feats[0].requires_grad:
            raise ValueError(
                "the blocks before those of the distillation are trained, so that the teacher "
                "would change with them; set backbone.frozen_stages="
                f"{self.depth - self.num_layers}, or more layers of the distillation"
            )
        distance = F.l1_loss(at_least_float32(token), at_least_float32(self.teach(feats[0])))
        return {"loss_dist": self.loss_weight * distance}

    @torch.no_grad()
    def teach(self, tokens: Tensor) -> Tensor:
        """Returns the published encoder's class token q', [B, E].

        Args:
            tokens: Before the last blocks, [B, N, D].
        """
        for layer in self.layers:
            tokens = layer(tokens)
        return self.ln1(tokens[:, 0]) @ self.proj


def _stages(depth: int, layers: int) -> list[int]:
    """Returns the blocks whose output is needed."""
    return [depth - layers - 1, depth - 1]


def _arch(backbone: dict) -> dict:
    """Returns the sizes that a backbone's config says."""
    kind = backbone.get("type") if isinstance(backbone, dict) else None
    if str(kind).rpartition(".")[2] != "VisionTransformer":
        raise TypeError(
            f"distillation.backbone={backbone!r} must be the config of the model's backbone, a "
            "mmpretrain.VisionTransformer"
        )
    arch = backbone.get("arch", "base")
    return VisionTransformer.arch_zoo[arch] if isinstance(arch, str) else arch


def _check_backbone(backbone: dict, depth: int, layers: int) -> None:
    """Raises unless the tokens before the trained blocks are frozen, and returned."""
    if layers >= depth:
        raise ValueError(f"layers={layers} must be below the backbone's number of blocks, {depth}")
    frozen = backbone.get("frozen_stages", -1)
    if frozen < depth - layers:
        raise ValueError(
            f"backbone.frozen_stages={frozen} leaves more than the last {layers} blocks to train, "
            f"of which the distillation has copies; set it to {depth - layers}"
        )
    stages, out = _stages(depth, layers), backbone.get("out_indices", -1)
    if not isinstance(out, Sequence) or [i % depth for i in out] != stages:
        raise ValueError(
            f"backbone.out_indices={out!r} must be {stages}, the block before the last {layers}, "
            "and the last one"
        )


def _cut(backbone: dict, settings: dict, layers: int) -> dict:
    """Returns the config of a backbone with as many blocks, without what is random."""
    others = ("type", "_scope_", "init_cfg", "frozen_stages")
    kept = {k: v for k, v in backbone.items() if k not in others}
    kept |= dict(drop_rate=0.0, drop_path_rate=0.0, out_indices=-1)
    return kept | dict(arch={**settings, "num_layers": layers})
