"""Random checkpoints laid out as those that CSRA's and ML-GCN's authors publish."""

import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


STORAGES = {torch.float32: torch.cuda.FloatStorage, torch.int64: torch.cuda.LongStorage}


@dataclass
class Storage:
    """The numbers of a tensor."""

    numbers: Tensor


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
    """Writes as torch 0.3 did, with its tensors on a GPU, whether there is one or not."""
    storages: list[Tensor] = []

    class Pickler(pickle.Pickler):
        def reducer_override(self, part: object) -> Any:
            if not isinstance(part, Tensor):
                return NotImplemented
            size = 1 + sum((n - 1) * s for n, s in zip(part.shape, part.stride(), strict=True))
            storage = Storage(part.detach().as_strided((size,), (1,)))
            arguments = storage, part.storage_offset(), tuple(part.shape), part.stride()
            return torch._utils._rebuild_tensor, arguments

        def persistent_id(self, part: object) -> tuple | None:
            if not isinstance(part, Storage):
                return None
            storages.append(part.numbers)
            kind = STORAGES[part.numbers.dtype]
            return "storage", kind, str(len(storages) - 1), "cuda:0", len(part.numbers), None

    sizes = dict(short=2, int=4, long=8)
    with path.open("wb") as file:
        for part in (
            torch.serialization.MAGIC_NUMBER,
            torch.serialization.PROTOCOL_VERSION,
            dict(protocol_version=1001, little_endian=True, type_sizes=sizes),
        ):
            pickle.dump(part, file, 2)
        Pickler(file, 2).dump(content)
        pickle.dump([str(key) for key in range(len(storages))], file, 2)
        for numbers in storages:
            file.write(struct.pack("<q", len(numbers)))
            file.write(numbers.numpy().tobytes())
    return path
