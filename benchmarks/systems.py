"""What is compared: one backbone under different heads, built from the configs of this project."""

import atexit
import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.models import BaseClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmsrdl.apis import load_config
from mmsrdl.datasets import Cooccurrence
from mmsrdl.models import CooccurrenceGraph
from mmsrdl.models.erasing import ObjectErasing
from mmsrdl.ops import use_backend

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Setup:
    """How a candidate is made.

    Attributes:
        config: Config or name of a model, as ``mmsrdl.apis.load_config`` takes it.
        backend: Back end of the operators, or None for the one that the device has.
        gate_scale: Factor of f_w's weights, for gates as large as long trainings may make them.
    """

    config: str
    backend: str | None = None
    gate_scale: float = 1.0


# Any other name is that of a config: `table6/car_wo_sa_r101_coco`, or a file.
SETUPS = {
    "linear": Setup("r101_gmp_coco"),
    "linear-gap": Setup("r101_gap_coco"),
    "car": Setup("car_r101_coco"),
    "car-plain": Setup("car_r101_coco", backend="plain"),
    "car-loops": Setup("car_r101_coco", gate_scale=1000.0),
    "car+oe": Setup("srdl_r101_coco"),
    "car+oe-plain": Setup("srdl_r101_coco", backend="plain"),
    "car+oe-loops": Setup("srdl_r101_coco", gate_scale=1000.0),
    "csra": Setup("csra_r101_coco"),
    "asl": Setup("asl_r101_coco"),
    "mlgcn": Setup("mlgcn_r101_coco"),
    "pgcn": Setup("pgcn_r101_coco"),
    "sd": Setup("sd_r101_coco"),
    "ssgrl": Setup("ssgrl_r101_coco"),
    "sam": Setup("sam_r101_coco"),
    "addgcn": Setup("addgcn_r101_coco"),
    "dsdl": Setup("dsdl_r101_coco"),
    "mcar-global": Setup("mcar_global_r101_coco"),
    "mcar": Setup("mcar_r101_coco"),
    "mldecoder": Setup("mldecoder_r101_coco"),
    "q2l": Setup("q2l_r101_coco"),
}


def is_plain(name: str) -> bool:
    """Whether a candidate stores the tensors over positions, classes and channels."""
    return name in SETUPS and SETUPS[name].backend == "plain"


def load(name: str, num_classes: int) -> tuple[Setup, Config]:
    """Reads the config of a candidate: no weights of a file, and this number of classes."""
    setup = SETUPS.get(name, Setup(name))
    cfg = load_config(setup.config)
    cfg.model.backbone.init_cfg = None
    cfg.model.head.num_classes = num_classes
    embedder = cfg.model.head.get("embedder")
    if embedder is not None:
        embedder.classes = _class_names(num_classes)
        if embedder.get("word_vectors"):
            embedder.word_vectors = _word_vectors(num_classes)
    return setup, cfg


def _class_names(num_classes: int) -> list[str]:
    return [f"class {i}" for i in range(num_classes)]


@cache
def _word_vectors(num_classes: int) -> str:
    """Writes random word vectors of 300 dimensions, and returns the file."""
    path = Path(mkdtemp(prefix="mmsrdl-benchmarks-")) / "vectors.npz"
    atexit.register(shutil.rmtree, path.parent)
    vectors = np.random.default_rng(0).standard_normal((num_classes, 300), np.float32)
    np.savez(path, names=np.array(_class_names(num_classes)), vectors=vectors)
    return str(path)


def _count_labels(model: nn.Module, num_classes: int) -> None:
    """Gives label graphs the counts that they would take from a training set."""
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(100, (num_classes, num_classes), generator=generator)
    counts = counts + counts.T + 200 * torch.eye(num_classes, dtype=torch.long)
    for part in model.modules():
        if isinstance(part, CooccurrenceGraph) and part.wants_counts:
            part.take_counts(Cooccurrence.fully_known(counts), _class_names(num_classes))


@dataclass
class System:
    """A model with its optimiser, on a device and in a memory format.

    Attributes:
        name: Name of the candidate.
        model: MMPretrain's classifier.
        images: [B, 3, H, W].
        samples: Labels of the images.
        dtype: float32, or the type of autocast.
        backend: See :class:`Setup`.
        optim_cfg: Config of the optimiser.
    """

    name: str
    model: BaseClassifier
    images: Tensor
    samples: list[DataSample]
    dtype: torch.dtype
    backend: str | None
    optim_cfg: dict[str, Any]
    _optim: Any = field(default=None, init=False)

    def contexts(self) -> contextlib.ExitStack:
        """Back end and autocast of a call."""
        stack = contextlib.ExitStack()
        if self.backend is not None:
            stack.enter_context(use_backend(self.backend))
        if self.dtype != torch.float32:
            stack.enter_context(torch.autocast(self.images.device.type, dtype=self.dtype))
        return stack

    @torch.no_grad()
    def infer(self) -> Tensor:
        """Computes logits, [B, C]."""
        if self.model.training:
            self.model.eval()
        with self.contexts():
            return self.model(self.images)

    def train_step(self) -> None:
        """Forward, backward and a step of the optimiser."""
        if not self.model.training:
            self.model.train()
        if self._optim is None:
            self._optim = build_optim_wrapper(self.model, dict(self.optim_cfg))
        with self.contexts():
            losses = self.model(self.images, self.samples, mode="loss")
            loss, _ = self.model.parse_losses(losses)
            self._optim.update_params(loss)

    def call(self, mode: str) -> Callable[[], object]:
        """Returns what is timed: ``'inference'`` or ``'training'``."""
        return self.infer if mode == "inference" else self.train_step

    def captured(self) -> Callable[[], object]:
        """Records the inference as a CUDA graph and returns its replay."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.infer()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.infer()
        return graph.replay


def build(
    name: str,
    batch: int,
    size: int = 448,
    num_classes: int = 80,
    dtype: str = "fp32",
    device: str | torch.device = "cpu",
    memory_format: torch.memory_format = torch.channels_last,
    seed: int = 0,
) -> System:
    """Builds a candidate with random weights, images and labels.

    The statistics of its normalisation layers are those of the images, so that features have the
    sizes they have in a trained network (subnormal numbers would be slow).

    Args:
        name: A key of :data:`SETUPS`, or a config.
        batch: B.
        size: H and W.
        num_classes: C.
        dtype: ``'fp32'``, or a type for autocast.
        device: Where it runs.
        memory_format: Of images and weights.
        seed: Of all that is drawn.
    """
    torch.manual_seed(seed)
    setup, cfg = load(name, num_classes)
    MMLogger.get_current_instance().setLevel("WARNING")  # it reports on every parameter
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg.model)
        _count_labels(model, num_classes)
        model.init_weights()
    if setup.gate_scale != 1.0:
        model.head.attention.fw.weight.data.mul_(setup.gate_scale)
    model.to(device=device, memory_format=memory_format)
    hook = cfg.get("default_hooks", {}).get("oe")
    if hook is not None:
        model.head.erasing = ObjectErasing(hook.get("topk", 3), hook.get("alpha", 0.5))
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(batch, 3, size, size, generator=generator)
    labels = (torch.rand(batch, num_classes, generator=generator) < 3 / num_classes).float()
    system = System(
        name=name,
        model=model,
        images=images.to(device=device, memory_format=memory_format),
        samples=[DataSample().set_gt_score(row).to(device) for row in labels],
        dtype=DTYPES[dtype],
        backend=setup.backend,
        optim_cfg=cfg.optim_wrapper,
    )
    _settle_statistics(system)
    return system


@torch.no_grad()
def _settle_statistics(system: System) -> None:
    layers = [m for m in system.model.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 1.0
    system.model.backbone.train()
    system.model.extract_feat(system.images)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
