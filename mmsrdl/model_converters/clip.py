"""Published weights of CLIP (vision transformers)."""

import json
import math
import os
import re
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mmsrdl.checkpoint import read_weights
from mmsrdl.model_converters.published import ConvertedCheckpoint, check_entries
from mmsrdl.models.embedders.clip_text import CLIP_ACTIVATION, HEAD_WIDTH

__all__ = ["Tower", "clip_config", "clip_towers", "convert_clip"]

ACTIVATIONS = {"quick_gelu": "mmpretrain.QuickGELU", "gelu": "GELU"}

NO_WEIGHTS = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's archives hold beside the weights."""

NOT_NEEDED = ("position_ids", "attn_mask")
"""Last parts of names of what follows from the sizes."""

BLOCK = {
    "attn.in_proj_weight": (3, 1),
    "attn.in_proj_bias": (3,),
    "attn.out_proj.weight": (1, 1),
    "attn.out_proj.bias": (1,),
    "ln_1.weight": (1,),
    "ln_1.bias": (1,),
    "ln_2.weight": (1,),
    "ln_2.bias": (1,),
    "mlp.c_fc.weight": (4, 1),
    "mlp.c_fc.bias": (4,),
    "mlp.c_proj.weight": (1, 4),
    "mlp.c_proj.bias": (1,),
}
"""Names in a block of OpenAI's transformers, to shapes in units of the width."""

IMAGE_BLOCK = {
    "attn.in_proj_weight": "attn.qkv.weight",
    "attn.in_proj_bias": "attn.qkv.bias",
    "attn.out_proj": "attn.proj",
    "mlp.c_fc": "ffn.layers.0.0",
    "mlp.c_proj": "ffn.layers.1",
    "ln_1": "ln1",
    "ln_2": "ln2",
}
"""As MMPretrain's ``VisionTransformer`` names them."""

TEXT_BLOCK = {
    "attn.": "self_attn.",
    "mlp.c_fc": "linear1",
    "mlp.c_proj": "linear2",
    "ln_1": "norm1",
    "ln_2": "norm2",
}
"""As ``torch.nn.TransformerEncoderLayer`` names them."""

IMAGE = {
    "visual.class_embedding": "backbone.cls_token",
    "visual.positional_embedding": "backbone.pos_embed",
    "visual.conv1.weight": "backbone.patch_embed.projection.weight",
    "visual.ln_pre.weight": "backbone.pre_norm.weight",
    "visual.ln_pre.bias": "backbone.pre_norm.bias",
    "visual.ln_post.weight": "backbone.ln1.weight",
    "visual.ln_post.bias": "backbone.ln1.bias",
    "visual.proj": "neck.proj",
}
TEXT = {
    "token_embedding.weight": "text.token_embedding.weight",
    "positional_embedding": "text.positional_embedding",
    "ln_final.weight": "text.encoder.norm.weight",
    "ln_final.bias": "text.encoder.norm.bias",
    "text_projection": "text.projection",
    "logit_scale": "logit_scale",
}

HUGGING_FACE = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",  # spelled so
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "logit_scale": "logit_scale",
}
TRANSPOSED = {
    "visual_projection.weight": "visual.proj",
    "text_projection.weight": "text_projection",
}
HUGGING_FACE_BLOCK = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
HUGGING_FACE_LAYER = re.compile(r"(vision|text)_model\.encoder\.layers\.(\d+)\.(.+)")
HUGGING_FACE_HEADS = dict(vision=12, text=8)
"""Heads of a tower where ``config.json`` does not say them."""
WIDTHS = dict(
    vision="vision_model.embeddings.class_embedding",
    text="text_model.final_layer_norm.weight",
)
"""Whose length is a tower's width."""

SIZES = {
    "visual.conv1.weight": "D3pp",
    "visual.positional_embedding": "ND",
    "visual.proj": "DE",
    "token_embedding.weight": "VW",
    "positional_embedding": "LW",
}
"""Entries whose shapes give those of all others."""


class Tower(NamedTuple):
    """Size of a transformer.

    Attributes:
        layers: Number of blocks.
        width: Channels.
        heads: Attention heads.
        out: Channels of the common space of images and texts.
    """

    layers: int
    width: int
    heads: int
    out: int


def convert_clip(
    path: str | os.PathLike[str], activation: str | None = None
) -> ConvertedCheckpoint:
    """Converts published weights of CLIP with a vision transformer.

    Read are OpenAI's TorchScript archives (``ViT-B-16.pt``), state dicts in their names, and
    Hugging Face's ``pytorch_model.bin`` and ``model.safetensors``; which one it is, is told by the
    content. Half precision becomes float32.

    The entries of the result are ``backbone.*`` of MMPretrain's ``VisionTransformer``,
    ``neck.proj`` [D, E], ``text.*`` of :class:`CLIPTextTower` and ``logit_scale``, so that
    ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')`` takes a part of it.

    Args:
        path: The published file.
        activation: ``'quick_gelu'``, as in OpenAI's models, or ``'gelu'``; the weights do not tell.
            Defaults to what a ``config.json`` beside Hugging Face's files says, and to
            ``'quick_gelu'``.

    Raises:
        FileNotFoundError: If there is no such file.
        TornCheckpointError: If its end is missing or a check sum fails.
        ValueError: If it holds more than data, other weights, or the option is unknown or not
            what the ``config.json`` says.
        RuntimeError: If it is in the format of safetensors, which is not installed.
    """
    path = os.path.expanduser(os.fspath(path))
    if activation not in (None, *ACTIVATIONS):
        raise ValueError(f"activation={activation!r} is unknown; use one of {list(ACTIVATIONS)}")
    entries = _without_prefix(read_weights(path))
    complaint = f"{path!r} holds no CLIP with a vision transformer"
    entries = {k: v for k, v in entries.items() if not k.endswith(NOT_NEEDED)}
    layout, said = "OpenAI's CLIP", None
    if any(name.startswith(("vision_model.", "text_model.")) for name in entries):
        layout = "Hugging Face's CLIP"
        said = _read_config(path, complaint, entries)
        entries = _from_hugging_face(entries, complaint)
    if activation and said and activation != said:
        raise ValueError(
            f"activation={activation!r} but the config.json beside {path!r} says {said!r}; leave "
            "the option out"
        )
    entries = {k: v for k, v in entries.items() if k not in NO_WEIGHTS}
    _check(entries, complaint)
    state = {_our_name(name): entry.float().contiguous() for name, entry in entries.items()}
    state["backbone.cls_token"] = state["backbone.cls_token"][None, None]
    state["backbone.pos_embed"] = state["backbone.pos_embed"][None]
    options = {
        "model.backbone.pre_norm": True,
        "model.backbone.norm_cfg.eps": 1e-5,
        CLIP_ACTIVATION: ACTIVATIONS[activation or said or "quick_gelu"],
    }
    return ConvertedCheckpoint(state, (), path, layout, None, options)


def clip_towers(state: dict[str, Tensor]) -> tuple[Tower, Tower]:
    """Returns the sizes of the image and the text tower of a converted checkpoint.

    Args:
        state: What :func:`convert_clip` gives.
    """
    image = state["backbone.cls_token"].shape[-1], state["neck.proj"].shape[1]
    text = state["text.projection"].shape
    towers = []
    for (width, out), layers in ((image, "backbone.layers."), (text, "text.encoder.layers.")):
        depth = _depth(state, layers)
        towers.append(Tower(depth, width, width // HEAD_WIDTH, out))
    return towers[0], towers[1]


def clip_config(
    converted: ConvertedCheckpoint, checkpoint: str | os.PathLike[str]
) -> dict[str, dict]:
    """Returns the parts of a model's config that take a converted checkpoint.

    Args:
        converted: What :func:`convert_clip` gives.
        checkpoint: The file that it was saved to.

    Returns:
        Configs of ``backbone`` and ``neck``.
    """
    state = converted.state_dict
    image, _ = clip_towers(state)
    patch = state["backbone.patch_embed.projection.weight"].shape[-1]
    side = math.isqrt(state["backbone.pos_embed"].shape[1] - 1)

    def pretrained(prefix: str) -> dict:
        return dict(type="Pretrained", checkpoint=os.fspath(checkpoint), prefix=prefix)

    backbone = dict(
        type="mmpretrain.VisionTransformer",
        arch=dict(
            embed_dims=image.width,
            num_layers=image.layers,
            num_heads=image.heads,
            feedforward_channels=4 * image.width,
        ),
        img_size=patch * side,
        patch_size=patch,
        out_type="raw",
        pre_norm=converted.options["model.backbone.pre_norm"],
        norm_cfg=dict(type="LN", eps=converted.options["model.backbone.norm_cfg.eps"]),
        layer_cfgs=dict(act_cfg=dict(type=converted.options[CLIP_ACTIVATION])),
        init_cfg=pretrained("backbone."),
    )
    neck = dict(
        type="mmsrdl.CLIPProjection",
        in_channels=image.width,
        out_channels=image.out,
        init_cfg=pretrained("neck."),
    )
    return dict(backbone=backbone, neck=neck)


def _without_prefix(entries: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drops what a model around CLIP, such as ``DataParallel``, puts before all names."""
    for prefix in ("module.", "clip.", "model."):
        if all(name.startswith(prefix) for name in entries):
            entries = {name.removeprefix(prefix): entry for name, entry in entries.items()}
    return entries


def _our_name(name: str) -> str:
    """Renames one of OpenAI's entries."""
    if name in IMAGE or name in TEXT:
        return (IMAGE | TEXT)[name]
    tower, _, rest = name.partition("transformer.resblocks.")
    number, _, rest = rest.partition(".")
    table, layers = TEXT_BLOCK, "text.encoder.layers."
    if tower:
        table, layers = IMAGE_BLOCK, "backbone.layers."
    return f"{layers}{number}.{_replaced(rest, table)}"


def _replaced(name: str, table: dict[str, str]) -> str:
    for old, new in table.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _depth(entries: dict[str, Tensor], layers: str) -> int:
    """Counts the blocks under a prefix, up to the last one."""
    named = [name.removeprefix(layers) for name in entries if name.startswith(layers)]
    numbers = [int(n) for n in (name.split(".")[0] for name in named) if re.fullmatch("[0-9]+", n)]
    return min(max(numbers, default=-1) + 1, len(entries))  # a number may be absurd


def _check(entries: dict[str, Tensor], complaint: str) -> None:
    """Raises unless these are the entries of OpenAI's CLIP, all of one size."""
    if any(name.startswith("visual.layer1.") for name in entries):
        raise ValueError(f"{complaint}, but one with a ResNet; take one of ViT-*, such as ViT-B/16")
    for name, what in (("visual.conv1.weight", "image"), ("token_embedding.weight", "text")):
        if name not in entries:
            raise ValueError(
                f"{complaint}: it has no {what} tower, but entries such as "
                f"{', '.join(sorted(entries)[:3])}. Give the file of a whole CLIP, such as "
                "OpenAI's ViT-B-16.pt, or model.safetensors of openai/clip-vit-base-patch16"
            )
    check_entries(entries, _wanted(entries, complaint), complaint)
    wrong = [name for name, entry in entries.items() if not entry.is_floating_point()]
    if wrong:
        raise ValueError(f"{complaint}: {wrong[0]} is {entries[wrong[0]].dtype}, no weights")


def _wanted(entries: dict[str, Tensor], complaint: str) -> dict[str, tuple[int, ...]]:
    """Returns the shapes that follow from those of five entries."""
    for name, letters in SIZES.items():
        if name not in entries or entries[name].dim() != len(letters):
            found = list(entries[name].shape) if name in entries else "missing"
            raise ValueError(f"{complaint}: {name} is {found}, not [{', '.join(letters)}]")
    width, _, patch, _ = entries["visual.conv1.weight"].shape
    patches = len(entries["visual.positional_embedding"]) - 1
    out = entries["visual.proj"].shape[1]
    words, text_width = entries["token_embedding.weight"].shape
    for what, channels in (("image", width), ("text", text_width)):
        if not channels or channels % HEAD_WIDTH:
            raise ValueError(
                f"{complaint}: its {what} tower has {channels} channels, no multiple of "
                f"{HEAD_WIDTH}, the width of a head in CLIP"
            )
    if math.isqrt(max(patches, 0)) ** 2 != patches:
        raise ValueError(f"{complaint}: its {patches} patches are no square")
    wanted: dict[str, tuple[int, ...]] = {
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (patches + 1, width),
        "visual.conv1.weight": (width, 3, patch, patch),
        "visual.proj": (width, out),
        "token_embedding.weight": (words, text_width),
        "positional_embedding": (len(entries["positional_embedding"]), text_width),
        "text_projection": (text_width, out),
        "logit_scale": (),
    }
    norms = ("visual.ln_pre", width), ("visual.ln_post", width), ("ln_final", text_width)
    for norm, channels in norms:
        wanted |= {f"{norm}.weight": (channels,), f"{norm}.bias": (channels,)}
    for tower, channels in (("visual.", width), ("", text_width)):
        layers = f"{tower}transformer.resblocks."
        for i in range(_depth(entries, layers)):
            wanted |= {f"{layers}{i}.{k}": tuple(n * channels for n in s) for k, s in BLOCK.items()}
    return wanted


def _from_hugging_face(entries: dict[str, Tensor], complaint: str) -> dict[str, Tensor]:
    """Renames Hugging Face's entries as OpenAI's.

    Its linear layers project by ``weight`` [out, in], where OpenAI multiplies by [in, out], and
    queries, keys and values have weights of their own.
    """
    state: dict[str, Tensor] = {}
    attention: dict[str, dict[str, Tensor]] = {}
    for name, entry in entries.items():
        layer = HUGGING_FACE_LAYER.fullmatch(name)
        if layer:
            prefix = "visual." if layer[1] == "vision" else ""
            block = f"{prefix}transformer.resblocks.{layer[2]}."
            part = re.fullmatch(r"self_attn\.([qkv])_proj\.(weight|bias)", layer[3])
            if part:
                attention.setdefault(f"{block}attn.in_proj_{part[2]}", {})[part[1]] = entry
            else:
                state[block + _replaced(layer[3], HUGGING_FACE_BLOCK)] = entry
        elif name in TRANSPOSED:
            state[TRANSPOSED[name]] = entry.T if entry.dim() == 2 else entry
        else:
            state[HUGGING_FACE.get(name, name)] = entry
    for name, parts in attention.items():
        if len(parts) < 3 or len({part.shape for part in parts.values()}) > 1:
            shapes = ", ".join(f"{key} {list(part.shape)}" for key, part in parts.items())
            raise ValueError(
                f"{complaint}: {name} is made of queries, keys and values of one shape, got "
                f"{shapes}"
            )
        state[name] = torch.cat([parts["q"], parts["k"], parts["v"]])
    return state


def _read_config(path: str, complaint: str, entries: dict[str, Tensor]) -> str | None:
    """Returns the activation that a ``config.json`` beside the weights says, None without one.

    Raises:
        ValueError: If it is none of CLIP, or says what our towers do not compute.
    """
    file = Path(path).with_name("config.json")
    if not file.is_file():
        return None
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        towers = {key: dict(config[f"{key}_config"]) for key in HUGGING_FACE_HEADS}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"'{file}' beside the weights is no config of CLIP ({type(error).__name__}: {error}); "
            "take the one that belongs to them, or put the weights into a folder of their own"
        ) from error
    said = {tower.get("hidden_act", "quick_gelu") for tower in towers.values()}
    if len(said) > 1 or not said <= ACTIVATIONS.keys():
        raise ValueError(f"{complaint}: '{file}' says hidden_act={sorted(map(str, said))}")
    for key, name in WIDTHS.items():
        heads = towers[key].get("num_attention_heads", HUGGING_FACE_HEADS[key])
        width = entries[name].shape[-1:].numel() if name in entries else heads * HEAD_WIDTH
        if width != heads * HEAD_WIDTH:
            raise ValueError(
                f"{complaint}: '{file}' says {heads} heads for the {width} channels of {key}, "
                f"where CLIP has {HEAD_WIDTH} a head"
            )
    return said.pop()
