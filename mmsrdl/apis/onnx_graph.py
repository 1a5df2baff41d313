"""The graph of an exported model: from image bytes to scores."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from mmengine.utils import apply_to
from mmpretrain.models.utils import ShiftWindowMSA
from mmpretrain.models.utils.data_preprocessor import ClsDataPreprocessor
from torch import Tensor, nn

from mmsrdl.apis.class_maps import multi_label_head
from mmsrdl.models.classifiers import MCARClassifier
from mmsrdl.models.heads import ClassFeatureHead, LabelSide
from mmsrdl.ops.onnx_form import define_operators, operator_nodes

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["ExportedModel", "takes_one_size", "trace_onnx"]


class ExportedModel(nn.Module):
    """What an ONNX file computes.

    Args:
        model: An ``ImageClassifier`` with a multi-label head, on the CPU and in evaluation mode.
        sigmoid: Whether to return probabilities.
        temperature: T of the probabilities, see :func:`forward`.
        thresholds: [C], or None for no predictions.

    Raises:
        TypeError: If the model has no multi-label head or crops images, or has another data
            preprocessor than MMPretrain's.
        ValueError: If the data preprocessor pads images.
    """

    thresholds: Tensor | None
    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        model: nn.Module,
        sigmoid: bool = True,
        temperature: float = 1.0,
        thresholds: Tensor | None = None,
    ) -> None:
        super().__init__()
        head = multi_label_head(model)
        if isinstance(model, MCARClassifier):
            raise TypeError(
                "MCARClassifier cannot be exported: where its second pass looks depends on what "
                "the first one sees. Its global stream alone can be: the same checkpoint under a "
                "config with model.type='ImageClassifier', such as mcar_global_r101_coco"
            )
        self.model, self.sigmoid, self.temperature = model, sigmoid, temperature
        labels = LabelSide(None, None)
        if isinstance(head, ClassFeatureHead):
            with torch.no_grad():
                labels = head.label_side()
        self.flip, mean, std = _normalization(model)
        self.labels = LabelSide(*map(_copies, (labels.attention, labels.classifier)))
        for name, value in dict(thresholds=thresholds, mean=mean, std=std).items():
            self.register_buffer(name, None if value is None else value.detach().clone())

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        first = "scores" if self.sigmoid else "logits"
        return [first] if self.thresholds is None else [first, "predictions"]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        r"""Scores images.

        Args:
            images: uint8 [N, 3, H, W], RGB.

        Returns:
            :math:`\sigma(z / T)`, or the logits z, [N, C]; and, with thresholds, where
            :math:`\sigma(z / T)` is at or above them, [N, C].
        """
        logits = self.logits(images)
        scores = (logits / self.temperature if self.temperature != 1 else logits).sigmoid()
        first = scores if self.sigmoid else logits
        return (first,) if self.thresholds is None else (first, scores >= self.thresholds)

    def logits(self, images: Tensor) -> Tensor:
        """Computes z, [N, C]."""
        model: Any = self.model
        inputs = images.float()
        if self.flip:
            inputs = inputs[:, [2, 1, 0]]
        if self.mean is not None and self.std is not None:
            inputs = (inputs - self.mean) / self.std
        features = model.extract_feat(inputs)
        if not isinstance(model.head, ClassFeatureHead):
            return model.head(features)
        return model.head.score_images(features, self.labels).logits


def _copies(labels: Any) -> Any:
    """Copies a part's label side, which may be several tensors."""
    return apply_to(
        labels, lambda part: isinstance(part, Tensor), lambda part: part.detach().clone()
    )


def _normalization(model: nn.Module) -> tuple[bool, Tensor | None, Tensor | None]:
    """Returns whether the model wants BGR, and mean and standard deviation, [3, 1, 1]."""
    prepare = getattr(model, "data_preprocessor", None)
    if not isinstance(prepare, ClsDataPreprocessor):
        raise TypeError(
            f"the data preprocessor {type(prepare).__name__} cannot be exported; use MMPretrain's "
            "ClsDataPreprocessor"
        )
    if prepare.pad_size_divisor > 1:
        raise ValueError(
            f"data_preprocessor.pad_size_divisor={prepare.pad_size_divisor} pads images, which an "
            "exported graph does not; resize them to a multiple of it and leave it out"
        )
    if not prepare._enable_normalize:
        return not prepare.to_rgb, None, None
    return not prepare.to_rgb, prepare.mean.clone().float(), prepare.std.clone().float()


def takes_one_size(model: nn.Module) -> bool:
    """Whether the backbone embeds positions or windows, for which a traced graph has one size."""
    backbone: Any = model.backbone
    inner = getattr(backbone, "timm_model", backbone)
    return hasattr(inner, "patch_embed") or hasattr(inner, "pos_embed")


def trace_onnx(
    network: ExportedModel, num_classes: int, size: tuple[int, int], opset: int, dynamic: bool
) -> "ModelProto":
    """Traces the graph.

    Args:
        network: What to trace.
        num_classes: C.
        size: Height and width.
        opset: Version of ONNX's operators.
        dynamic: Whether height and width are open; the batch is.
    """
    import onnx

    axes = {name: {0: "N"} for name in ("images", *network.outputs)}
    if dynamic:
        axes["images"].update({2: "H", 3: "W"})
    images = torch.zeros(2, 3, *size, dtype=torch.uint8)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for context in (torch.no_grad(), operator_nodes(opset), _open_batch()):
            stack.enter_context(context)
        stack.enter_context(warnings.catch_warnings())
        # On constants of the trace, which the comparison judges, and on this exporter's future.
        warnings.simplefilter("ignore")
        file = os.path.join(folder, "model.onnx")
        torch.onnx.export(
            network, (images,), file, input_names=["images"], output_names=network.outputs,
            dynamic_axes=axes, opset_version=opset, dynamo=False,
        )  # fmt: skip
        graph = define_operators(onnx.load(file))
    for output in graph.graph.output:
        output.type.tensor_type.shape.dim[1].dim_value = num_classes
    return graph


@contextmanager
def _open_batch() -> Iterator[None]:
    """Lets Swin's windows be put together for any batch; MMPretrain computes it as an integer."""
    original = ShiftWindowMSA.window_reverse

    def window_reverse(windows: Tensor, height: int, width: int, side: int) -> Tensor:
        channels = windows.shape[-1]
        grid = windows.view(-1, height // side, width // side, side, side, channels)
        return grid.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)

    ShiftWindowMSA.window_reverse = staticmethod(window_reverse)
    try:
        yield
    finally:
        ShiftWindowMSA.window_reverse = staticmethod(original)
