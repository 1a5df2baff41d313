"""Random checkpoints laid out as those that CSRA's and ML-GCN's authors publish."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn


def make_resnet() -> nn.Module:
    """A ResNet-101 whose values stay small with depth, and whose BN is like a trained one's."""
    torch.manual_seed(0)
    model = torchvision.models.resnet101(weights=None).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.2, 0.4)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


def feature_map(model: nn.Module, images: Tensor) -> Tensor:
    """The map before torchvision's pooling."""
    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    return nn.Sequential(stem, model.layer1, model.layer2, model.layer3, model.layer4)(images)


def one_number(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same names and shapes, where every tensor holds one number: a small file."""
    return {name: entry.flatten()[0].expand(entry.shape) for name, entry in state.items()}


class MLGCN(nn.Module):
    """Has the entries of ML-GCN's model."""

    def __init__(self, resnet: nn.Module, graph: Tensor) -> None:
        super().__init__()
        self.features = nn.Sequential(
            resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool,
            resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4,
        )  # fmt: skip
        self.A = nn.Parameter(graph)
        self.gc1, self.gc2 = nn.Module(), nn.Module()
        self.gc1.weight = nn.Parameter(torch.randn(300, 1024) / 300**0.5)
        self.gc2.weight = nn.Parameter(torch.randn(1024, 2048) / 1024**0.5)


def mlgcn_content(resnet: nn.Module, graph: Tensor) -> dict:
    """What ML-GCN's training writes; torch 0.3, which it used, had no counters in BN."""
    state = MLGCN(resnet, graph).state_dict()
    for name in [name for name in state if name.endswith("num_batches_tracked")]:
        del state[name]
    return {"epoch": 20, "arch": "resnet101", "state_dict": state, "best_score": torch.tensor(83.0)}


def csra_content(resnet: nn.Module, heads: Sequence[Tensor]) -> dict[str, Tensor]:
    """What CSRA's training writes: a state dict, here of a model in ``DataParallel``."""
    state = {k: v for k, v in resnet.state_dict().items() if not k.startswith("fc.")}
    state |= {f"classifier.multi_head.{h}.head.weight": head for h, head in enumerate(heads)}
    return {f"module.{name}": entry for name, entry in state.items()}


def save_as_then(content: object, path: Path) -> Path:
    """Writes as torch did before its zip format."""
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path
