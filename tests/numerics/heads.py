"""Every head of the package as its configs have it, tiny, and on maps in place of images."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.models import ImageClassifier
from mmpretrain.models.heads import CSRAClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from mmsrdl.datasets.cooccurrence import Cooccurrence
from mmsrdl.models import CooccurrenceGraph, ObjectErasing
from mmsrdl.models.erasing.csra import bind_csra

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
CHANNELS = 16
NAMES = ("boat", "car", "dog", "cat", "cow", "bus")

SIZES: dict[str, dict[str, Any]] = {
    "mmsrdl.CARAttention": dict(hidden_channels=8),
    "mmsrdl.SemanticDecoupling": dict(hidden_channels=8),
    "mmsrdl.SemanticAttention": dict(out_channels=8),
    "mmsrdl.EvidencePooling": dict(hidden_channels=8),
    "mmsrdl.QueryDecoder": dict(feedforward_channels=16),
    "mmsrdl.GroupDecoder": dict(hidden_channels=16, feedforward_channels=16, num_heads=2),
    "mmsrdl.LabelDecoder": dict(num_heads=2, feedforward_channels=16),
    "mmsrdl.DecoderRelation": dict(hidden_channels=16, num_heads=2, feedforward_channels=16),
    "mmsrdl.PredictionGCN": dict(hidden_dims=(8, 1)),
    "mmsrdl.GCNLabelEmbedder": dict(embed_dims=16),
    "mmsrdl.MLGCNLabelEmbedder": dict(embed_dims=16, hidden_dims=(16, 16)),
    "mmsrdl.AutoencoderLabelEmbedder": dict(embed_dims=16, hidden_dims=16, out_dims=CHANNELS),
}
"""By part: the sizes that a tiny head has."""


def signature(cfg: Config) -> tuple:
    """What makes a head another one: its parts, and whether objects are erased."""
    head, parts = cfg.model.head, []
    for key in ("attention", "embedder", "relation", "classifier"):
        part = head.get(key)
        parts.append(part.get("type") if isinstance(part, dict) else part)
    neck = (cfg.model.get("neck") or {}).get("type")
    return neck, head.type, *parts, "oe" in cfg.get("default_hooks", {})


def heads_of(paths: Iterable[Path]) -> dict[tuple, str]:
    """The first config of every head, by what makes it another one."""
    found: dict[tuple, str] = {}
    for path in sorted(paths):
        if path.parent.name not in ("_base_", "sigrl", "own"):  # SigRL's needs vectors of names
            found.setdefault(signature(Config.fromfile(path)), str(path.relative_to(CONFIGS)))
    return found


OTHERS = ("car_voc07", "sam_voc07", "sd_voc07", "srdl_plus_oe_voc07", "srdl_plus_voc07")
SIGNATURES = heads_of(
    [
        *CONFIGS.glob("demo/*.py"),
        *CONFIGS.glob("mixin/*.py"),
        *(CONFIGS / "frozen" / f"{name}.py" for name in OTHERS),
    ]
)
"""All heads of configs/, of which this reads no more than it must."""

HEADS = {Path(leaf).stem: leaf for leaf in SIGNATURES.values()}


def build(name: str, num_classes: int = 3) -> ImageClassifier:
    """Builds a tiny model of a head, its weights drawn by a seed, in training mode."""
    cfg = Config.fromfile(CONFIGS / HEADS[name])
    head = cfg.model.head
    head.update(num_classes=num_classes, in_channels=CHANNELS)
    for key in ("attention", "embedder", "relation"):
        part = head.get(key)
        if isinstance(part, dict) and "type" in part:
            part.update(SIZES.get(part.type, {}))
            if key == "embedder":
                part.update(classes=NAMES[:num_classes], word_vectors=None)
    if "num_groups" in (head.get("attention") or {}):
        head.attention.num_groups = min(num_classes, 2)
    if num_classes == 1 and head.get("loss", {}).get("type") == "AsymmetricLoss":
        # MMPretrain's takes the labels of one class for indices.
        head.loss = dict(type="mmsrdl.MultiLabelASLLoss")
    model = dict(
        type="ImageClassifier",
        backbone=dict(type="mmsrdl.CachedMaps"),
        neck=cfg.model.get("neck"),
        head=head,
    )
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        built = MODELS.build(model)
    with torch.random.fork_rng():
        built.init_weights()
    positive = torch.diag(torch.arange(num_classes))  # the first class has no positive image
    counts = Cooccurrence.fully_known(positive)
    for part in built.modules():
        if isinstance(part, CooccurrenceGraph) and part.wants_counts:
            part.take_counts(counts, NAMES[:num_classes])
    if "oe" in cfg.get("default_hooks", {}):
        if isinstance(built.head, CSRAClsHead):
            bind_csra(built.head)
        built.head.erasing = ObjectErasing(topk=min(2, num_classes))
    return built.train()


def samples(labels: Tensor) -> list[DataSample]:
    """Data samples of labels [B, C]."""
    return [DataSample().set_gt_score(row.float()) for row in labels]


def loss_of(model: ImageClassifier, maps: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The losses of a batch of maps [B, D, H, W]."""
    return model(maps, samples(labels), mode="loss")


def gradients_of(
    model: ImageClassifier, maps: Tensor, labels: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """The total loss, and the gradients of the maps and of every parameter that has one."""
    model.zero_grad()
    maps = maps.clone().requires_grad_()
    total = sum(loss_of(model, maps, labels).values())
    total.backward()
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return total.detach(), {"maps": maps.grad, **grads}
