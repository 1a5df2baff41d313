"""What tests of open vocabularies share: a text encoder that hashes, and a small head."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import torch
from torch import Tensor

from mmsrdl.models import SigRLHead
from mmsrdl.registry import MODELS

NAMES = ("black cat", "red car", "small dog", "boat")
DIMS = 6


@MODELS.register_module(force=True)
class HashEncoder:
    """Gives every text a random vector of its own, and notes what it was asked."""

    def __init__(self, dims: int = DIMS, fingerprint: str = "hash") -> None:
        self.dims, self.fingerprint = dims, fingerprint
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Tensor:
        self.asked.extend(texts)
        seeds = [torch.Generator().manual_seed(crc32(text.encode())) for text in texts]
        return torch.stack([torch.randn(self.dims, generator=seed) for seed in seeds])


HASHED = dict(type="mmsrdl.HashEncoder")


def make_head(classes: Sequence[str] = NAMES, **options: object) -> SigRLHead:
    """An MKT head of six channels in evaluation mode."""
    parts = dict(
        attention=dict(type="mmsrdl.PatchScores"),
        classifier=dict(topk=2),
        loss=dict(type="mmsrdl.MultiLabelBCELoss"),
        embedder=dict(classes=list(classes), embed_dims=DIMS, text=HASHED, prompts=["{}"]),
    )
    return SigRLHead(DIMS, **{**parts, **options}).eval()


def make_model(classes: Sequence[str], size: int = 32, **head: Any) -> dict[str, Any]:
    """Config of an image classifier with a vision transformer of 16 patches and an MKT head."""
    arch = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
    parts = dict(
        embedder=dict(classes=list(classes), embed_dims=DIMS, text=HASHED, prompts=["{}"]),
        attention=dict(type="mmsrdl.PatchScores"),
        classifier=dict(topk=4),
        loss=dict(type="mmsrdl.MultiLabelBCELoss"),
    )
    return dict(
        type="ImageClassifier",
        backbone=dict(
            type="VisionTransformer", arch=arch, img_size=size, patch_size=size // 4, out_type="raw"
        ),
        neck=dict(type="mmsrdl.CLIPProjection", in_channels=16, out_channels=DIMS),
        head=dict(type="mmsrdl.SigRLHead", in_channels=DIMS, **{**parts, **head}),
    )
