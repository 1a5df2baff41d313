"""A trained model as an ONNX file that says by itself how it is used."""

import copy
import importlib.util
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mmsrdl.apis.onnx_graph import ExportedModel, takes_one_size, trace_onnx
from mmsrdl.apis.resize_rule import ResizeRule
from mmsrdl.evaluation.thresholds import Thresholds
from mmsrdl.version import __version__

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["ExportReport", "export_onnx", "onnx_error"]

TOLERANCE = 1e-4
OPSETS = range(17, 21)
PACKAGES = ("onnx", "onnxruntime")


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        file: The ONNX file.
        bytes: Its size.
        opset: Version of ONNX's operators.
        inputs: Name to type and shape; a letter in place of a number is an open size.
        outputs: Likewise.
        metadata: What the file says of itself.
        shapes: Shapes of the images on which it was compared with the model.
        error: Largest difference of an output there; None where it was not compared.
    """

    file: str
    bytes: int
    opset: int
    inputs: dict[str, str]
    outputs: dict[str, str]
    metadata: dict[str, Any] = field(repr=False)
    shapes: tuple[tuple[int, ...], ...] = ()
    error: float | None = None


def export_onnx(
    model: nn.Module,
    classes: Sequence[str],
    out_file: str | os.PathLike[str],
    size: int | tuple[int, int] | ResizeRule = 448,
    sigmoid: bool = True,
    thresholds: Thresholds | None = None,
    opset: int = 17,
    dynamic: bool = True,
    verify: bool = True,
    images: Sequence[Tensor] | None = None,
) -> ExportReport:
    r"""Writes a model as an ONNX file, after comparing it with the model.

    The graph has one input, ``images``: uint8 [N, 3, H, W] in the order RGB, as image files hold
    them. Bytes cannot be mistaken for numbers in [0, 1], and take a quarter of the room.
    Normalisation is part of the graph. Its outputs are

    - ``scores`` [N, C]: probabilities :math:`\sigma(z / T)` with the thresholds' temperature T, 1
      without thresholds; or, without sigmoid, ``logits`` [N, C]: z;
    - with thresholds, ``predictions`` [N, C], bool: whether :math:`\sigma(z / T)` is at or above
      the threshold of the class.

    What depends on labels alone (the embedder and :math:`f_w`) is computed here and is a constant
    of the graph; object erasing has no part in it. The operators of a :class:`CARHead` become a
    ``Scan`` over classes, which needs 1/C of the memory of their formulas, see
    :mod:`mmsrdl.ops.onnx_form`.

    ``metadata_props['mmsrdl']`` holds JSON: ``version``, ``classes``; ``input`` with ``layout``,
    ``channels``, ``type``, ``dynamic`` (whether H and W are open) and ``resize`` (``size`` [height,
    width], ``interpolation``, ``antialias``); ``thresholds`` in the order of the classes, or null,
    and ``temperature``.

    The exporter is torch's TorchScript one: of the two, it alone leaves batch, height and width
    open on every version of torch that mmsrdl supports.

    Args:
        model: An ``ImageClassifier`` with a multi-label head. It is copied.
        classes: C names. Of a model of open vocabularies, such as one with a :class:`SigRLHead`,
            any: the file answers for these.
        out_file: File to write.
        size: Side of the square, or height and width, or the whole rule, that images are resized
            to. By default the rule is Pillow's bicubic filter.
        sigmoid: Whether to return probabilities.
        thresholds: Thresholds of the classes.
        opset: Version of ONNX's operators, 17 to 20.
        dynamic: Whether height and width are open; the batch always is. Backbones that embed
            positions or windows need ``dynamic=False``.
        verify: Whether to compare with the model under onnxruntime, at two sizes (one without
            ``dynamic``) and two batch sizes.
        images: What to compare on: batches, each uint8 [N, 3, H, W], RGB. Defaults to noise.

    Returns:
        What was written.

    Raises:
        TypeError: If the model has no multi-label head, or cannot be exported.
        ValueError: If an argument does not fit the model.
        RuntimeError: If a package of the extra ``export`` is missing; or if an output differs from
            the model's by more than 1e-4 (of the largest logit, where that exceeds 1). Then no
            file is written.
    """
    require_onnx()
    import onnx

    rule = _rule(size)
    if opset not in OPSETS:
        raise ValueError(f"opset={opset!r} must be in {OPSETS.start} to {OPSETS.stop - 1}")
    model = copy.deepcopy(model).cpu().eval()
    head: Any = getattr(model, "head", None)
    if getattr(head, "open_vocabulary", False):
        head.set_vocabulary(classes)
    temperature, values = 1.0, None
    if thresholds is not None:
        temperature, values = thresholds.temperature, thresholds.of(classes)
    network = ExportedModel(model, sigmoid, temperature, values).eval()
    if dynamic and takes_one_size(model):
        raise ValueError(
            f"dynamic=True: the backbone {type(model.backbone).__name__} embeds positions or "
            "windows, for one size; give dynamic=False (--static), which leaves the batch open"
        )
    _check_classes(network, classes, rule)
    graph = trace_onnx(network, len(classes), rule.size, opset, dynamic)
    metadata = _metadata(classes, rule, dynamic, temperature, values)
    onnx.helper.set_model_props(graph, {"mmsrdl": json.dumps(metadata, ensure_ascii=False)})
    onnx.checker.check_model(graph, full_check=True)
    content = graph.SerializeToString()
    session = _session(content)
    batches: Sequence[Tensor] = ()
    if verify:
        batches = _noise(rule.size, dynamic) if images is None else images
    error = _check(session, network, batches) if verify else None
    Path(out_file).parent.mkdir(parents=True, exist_ok=True)
    Path(out_file).write_bytes(content)
    return ExportReport(
        file=os.fspath(out_file),
        bytes=len(content),
        opset=opset,
        inputs={end.name: _type(end) for end in session.get_inputs()},
        outputs={end.name: _type(end) for end in session.get_outputs()},
        metadata=metadata,
        shapes=tuple(tuple(batch.shape) for batch in batches),
        error=error,
    )


@torch.no_grad()
def onnx_error(file: str | os.PathLike[str], model: nn.Module, batches: Sequence[Tensor]) -> float:
    """Compares an exported file with its model on images.

    The model sees them as in a test run: BGR, through its own data preprocessor.

    Args:
        file: What :func:`export_onnx` wrote.
        model: The model, on the CPU and in evaluation mode.
        batches: Batches of images, each uint8 [N, 3, H, W], RGB.

    Returns:
        The largest difference of a score, or of a logit where the file returns those.

    Raises:
        RuntimeError: If a package of the extra ``export`` is missing.
    """
    require_onnx()
    session = _session(os.fspath(file))
    temperature = read_metadata(session)["temperature"]
    sigmoid = session.get_outputs()[0].name == "scores"
    return max(_differences(session, model, batch, sigmoid, temperature)[0] for batch in batches)


def read_metadata(session: "InferenceSession") -> dict[str, Any]:
    """Returns what an exported file says of itself, see :func:`export_onnx`."""
    return json.loads(session.get_modelmeta().custom_metadata_map["mmsrdl"])


def require_onnx() -> None:
    """Asks for the packages of the extra ``export``.

    Raises:
        RuntimeError: If one is missing.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} not installed: pip install 'mmsrdl[export]'")


def _rule(size: int | tuple[int, int] | ResizeRule) -> ResizeRule:
    if isinstance(size, ResizeRule):
        return size
    return ResizeRule((size, size) if isinstance(size, int) else size)


def _metadata(
    classes: Sequence[str],
    rule: ResizeRule,
    dynamic: bool,
    temperature: float,
    thresholds: Tensor | None,
) -> dict[str, Any]:
    return {
        "version": __version__,
        "classes": list(classes),
        "input": {
            "layout": "NCHW",
            "channels": "RGB",
            "type": "uint8",
            "dynamic": dynamic,
            "resize": asdict(rule) | {"size": list(rule.size)},
        },
        "temperature": temperature,
        "thresholds": None if thresholds is None else thresholds.tolist(),
    }


def _session(source: bytes | str) -> "InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _type(end: Any) -> str:
    return f"{end.type.removeprefix('tensor(').removesuffix(')')} {end.shape}".replace("'", "")


def _noise(size: tuple[int, int], dynamic: bool) -> list[Tensor]:
    """Draws batches of two sizes: that of the export, and another one of another shape."""
    generator = torch.Generator().manual_seed(0)
    height, width = size
    sizes = [size, (height + 32, max(width - 32, 32))] if dynamic else [size]
    return [
        torch.randint(0, 256, (count, 3, *each), dtype=torch.uint8, generator=generator)
        for each in sizes
        for count in (1, 3)
    ]


@torch.no_grad()
def _check(session: "InferenceSession", network: ExportedModel, batches: Sequence[Tensor]) -> float:
    """Returns the largest difference of the first output, or says that it is too large."""
    largest = 0.0
    for batch in batches:
        why = None
        try:
            error, outputs = _differences(
                session, network.model, batch, network.sigmoid, network.temperature
            )
            if not error <= TOLERANCE * max(1.0, float(abs(outputs[0]).max())):
                why = f"differs from the model by {error:.2g}"
        except Exception as problem:  # of onnxruntime, whose types have no public name
            why = f"does not run ({str(problem).strip()[-200:]})"
        if why is not None:
            raise RuntimeError(
                f"the exported graph {why} on images of the shape {list(batch.shape)}; where the "
                "backbone computes with the sizes of its maps, dynamic=False (--static) helps"
            )
        largest = max(largest, error)
    return largest


@torch.no_grad()
def _check_classes(network: ExportedModel, classes: Sequence[str], rule: ResizeRule) -> None:
    count = network.logits(torch.zeros(1, 3, *rule.size, dtype=torch.uint8)).shape[1]
    if count != len(classes):
        raise ValueError(
            f"classes has {len(classes)} names, but the model scores {count} classes; give the "
            "names that it was trained with"
        )


def _differences(
    session: "InferenceSession",
    model: nn.Module,
    batch: Tensor,
    sigmoid: bool,
    temperature: float,
) -> tuple[float, list[Any]]:
    """Returns the largest difference of the first output from the model's, and all outputs."""
    network: Any = model
    inputs = network.data_preprocessor({"inputs": batch.flip(1)})["inputs"]
    expected = network.head(network.extract_feat(inputs))
    if sigmoid:
        expected = (expected / temperature).sigmoid()
    outputs = session.run(None, {"images": batch.numpy()})
    return (torch.from_numpy(outputs[0]) - expected).abs().max().item(), outputs
