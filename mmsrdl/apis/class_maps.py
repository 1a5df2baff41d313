"""Where a model sees a class: the maps of every multi-label head behind one function."""

from typing import Any, Literal, get_args

import torch
from mmpretrain.models.heads import MultiLabelClsHead
from torch import Tensor, nn

from mmsrdl.models.class_evidence import (
    HAVE_CLASS_EVIDENCE,
    Features,
    class_evidence,
    has_class_evidence,
    last_map,
    through_neck,
)
from mmsrdl.models.heads import ClassFeatureHead

__all__ = ["MapMethod", "class_maps", "feature_class_maps", "map_methods", "multi_label_head"]

MapMethod = Literal["auto", "attention", "cam", "gradcam"]


def class_maps(
    model: nn.Module,
    inputs: Tensor,
    classes: Tensor | None = None,
    method: MapMethod = "auto",
) -> Tensor:
    r"""Computes maps of where a model sees classes.

    - ``'attention'``: the spatial attention of a :class:`ClassFeatureHead`, such as SA of a
      :class:`CARHead` in [0, 1]. Source: SRDL, Eq. (5). Attention that sums to one over positions,
      such as that of :class:`SemanticDecoupling` and of label decoders, is divided by its largest
      value, so that it fills [0, 1], too.
    - ``'cam'``: the evidence for a class at every position, through ReLU. A classifier over
      global average, maximum or weighted pooling: :math:`ReLU(\sum_d w_{cd} F_d)`, without its
      bias. ``CSRAClsHead``: its scores at the position, summed over its modules. ``SigRLHead``:
      the scores of its patches. Source: Zhou et
      al., "Learning Deep Features for Discriminative Localization", CVPR 2016, Eq. (2).
    - ``'gradcam'``: :math:`ReLU(\sum_d \alpha_{cd} F_d)`, where F is the backbone's last map and
      :math:`\alpha_{cd}` the mean over positions of :math:`\partial s_c / \partial F_d`. Takes one
      backward pass of the head for every k of K. Source: Selvaraju et al., "Grad-CAM", ICCV 2017,
      Eqs. (1) and (2).
    - ``'auto'``: the first of these that the head offers.

    It may be called under ``torch.no_grad()`` or ``torch.inference_mode()``, and leaves no
    gradients behind.

    Args:
        model: An ``ImageClassifier`` with a multi-label head, in evaluation mode.
        inputs: Images that the model's ``data_preprocessor`` has prepared, [B, 3, H, W].
        classes: Which classes are wanted: indices, [K], or [B, K] of each image. Defaults to all C.
        method: Which maps.

    Returns:
        Maps of numbers >= 0, [B, K, h, w], of the size of the features that the head sees.

    Raises:
        TypeError: If the model has no multi-label head, or ``classes`` are no integers.
        ValueError: If the model is in training mode, its head does not offer the method, its
            backbone returns no map, or ``classes`` are of another shape or out of range.
    """
    multi_label_head(model)
    with torch.no_grad():
        backbone: Any = model.backbone
        return feature_class_maps(model, backbone(inputs), classes, method)


def feature_class_maps(
    model: nn.Module, features: Features, classes: Tensor | None = None, method: MapMethod = "auto"
) -> Tensor:
    """Computes the maps of :func:`class_maps` from what the backbone returned.

    Args:
        model: See :func:`class_maps`.
        features: Output of ``model.backbone``.
        classes: See :func:`class_maps`.
        method: See :func:`class_maps`.
    """
    if model.training:
        raise ValueError("model is in training mode, in which maps depend on chance: model.eval()")
    offered = map_methods(model)
    if method not in get_args(MapMethod):
        raise ValueError(f"method={method!r} is unknown; use one of {get_args(MapMethod)}")
    if method == "auto":
        method = offered[0]
    if method not in offered:
        raise ValueError(
            f"method={method!r} does not fit: the head {type(model.head).__name__} "
            f"{_WANTS[method]}; this model offers {', '.join(map(repr, offered))}"
        )
    if method == "gradcam":
        return _gradcam(model, features, classes)
    with torch.no_grad():
        return (_attention if method == "attention" else _cam)(model, features, classes)


_WANTS = {
    "gradcam": "scores class tokens, too, of which there is no map to differentiate",
    "attention": "has no spatial attention of classes, which mmsrdl.CARHead (use_spatial=True) has",
    "cam": f"has no evidence by position, {HAVE_CLASS_EVIDENCE}",
}


def map_methods(model: nn.Module) -> tuple[MapMethod, ...]:
    """Names the methods of :func:`class_maps` that a model offers, the best one first.

    The last, ``'gradcam'``, still needs a backbone that returns a map, and a head that needs no
    class token.

    Raises:
        TypeError: If the model has no multi-label head.
    """
    head = multi_label_head(model)
    if isinstance(head, ClassFeatureHead) and head.spatial_attention:
        return ("attention", "gradcam")
    if getattr(head, "open_vocabulary", False):
        return ("cam",)  # Grad-CAM differentiates a map, without the class token that they score
    return ("cam", "gradcam") if has_class_evidence(model) else ("gradcam",)


def multi_label_head(model: nn.Module) -> MultiLabelClsHead:
    """Returns the multi-label head of a model.

    Raises:
        TypeError: If it has none.
    """
    head = getattr(model, "head", None)
    if not isinstance(head, MultiLabelClsHead) or not hasattr(model, "backbone"):
        raise TypeError(
            f"{type(model).__name__} with the head {type(head).__name__} is no multi-label "
            "classifier; give an ImageClassifier with mmsrdl.CARHead, MultiLabelLinearClsHead, "
            "CSRAClsHead or another MultiLabelClsHead"
        )
    return head


def _attention(model: nn.Module, features: Features, classes: Tensor | None) -> Tensor:
    """Spatial attention, SRDL's Eq. (5)."""
    head: Any = model.head
    maps = head.attend(through_neck(model, features)).spatial_map()
    if head.attention.sums_to_one:
        maps = maps / maps.amax((2, 3), keepdim=True)
    return _chosen(maps, classes)


def _cam(model: nn.Module, features: Features, classes: Tensor | None) -> Tensor:
    """Class evidence at every position."""
    return _chosen(class_evidence(model, features).relu(), classes)


def _gradcam(model: nn.Module, features: Features, classes: Tensor | None) -> Tensor:
    """Grad-CAM at the backbone's last map. Only neck and head are differentiated."""
    head: Any = model.head
    # Tensors of inference mode cannot be differentiated; their clones can.
    with torch.inference_mode(False), torch.enable_grad():
        leaf = last_map(model, features).detach().clone().requires_grad_()
        earlier = () if isinstance(features, Tensor) else tuple(features[:-1])
        given = leaf if isinstance(features, Tensor) else (*earlier, leaf)
        logits = head(through_neck(model, given))  # (B, C)
        index = _check_classes(classes, len(logits), logits.shape[1], logits.device)
        maps = []
        for column in index.unbind(1):
            score = logits.gather(1, column[:, None]).sum()
            (gradient,) = torch.autograd.grad(score, leaf, retain_graph=True)
            weight = gradient.mean((2, 3))  # Eq. (1)
            maps.append(torch.einsum("bd,bdhw->bhw", weight, leaf.detach()).relu())  # Eq. (2)
    return torch.stack(maps, dim=1)


def _chosen(maps: Tensor, classes: Tensor | None) -> Tensor:
    """Takes the maps of the classes wanted, [B, K, h, w], from those of all, [B, C, h, w]."""
    if classes is None:
        return maps
    index = _check_classes(classes, maps.shape[0], maps.shape[1], maps.device)
    return maps[torch.arange(len(index), device=index.device)[:, None], index]


def _check_classes(classes: Tensor | None, images: int, size: int, device: torch.device) -> Tensor:
    """Returns the class indices of each image, [B, K].

    Raises:
        TypeError: If they are no integers.
        ValueError: If they are of another shape or out of range.
    """
    if classes is None:
        classes = torch.arange(size)
    if classes.is_floating_point() or classes.is_complex() or classes.dtype == torch.bool:
        raise TypeError(f"classes must be integers, indices of classes, got {classes.dtype}")
    if classes.dim() == 1:
        classes = classes.expand(images, -1)
    if classes.dim() != 2 or len(classes) != images or not classes.shape[1]:
        raise ValueError(
            f"classes must be [K] or [B, K] with B={images} and K >= 1, got {list(classes.shape)}"
        )
    if classes.min() < 0 or classes.max() >= size:
        raise ValueError(f"classes must be in [0, {size - 1}], got {classes.tolist()}")
    return classes.long().to(device)
