"""Small CLIPs in the layouts that are published, and what they compute, from the equations."""

import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH, LAYERS, PATCH, GRID, OUT = 128, 2, 4, 3, 24
TEXT_WIDTH, TEXT_LAYERS, CONTEXT, WORDS = 64, 3, 12, 20


def make_clip(seed: int = 0) -> dict[str, Tensor]:
    """A random CLIP in OpenAI's names; its numbers are exact in half precision."""
    torch.manual_seed(seed)
    state = {
        "visual.class_embedding": torch.randn(WIDTH),
        "visual.positional_embedding": torch.randn(GRID**2 + 1, WIDTH),
        "visual.conv1.weight": torch.randn(WIDTH, 3, PATCH, PATCH) * 0.3,
        "visual.proj": torch.randn(WIDTH, OUT) * 0.1,
        "token_embedding.weight": torch.randn(WORDS, TEXT_WIDTH),
        "positional_embedding": torch.randn(CONTEXT, TEXT_WIDTH),
        "text_projection": torch.randn(TEXT_WIDTH, OUT) * 0.1,
        "logit_scale": torch.tensor(4.6),
    }
    for name, width in (
        ("visual.ln_pre", WIDTH),
        ("visual.ln_post", WIDTH),
        ("ln_final", TEXT_WIDTH),
    ):
        state |= make_norm(name, width)
    for i in range(LAYERS):
        state |= make_block(f"visual.transformer.resblocks.{i}.", WIDTH)
    for i in range(TEXT_LAYERS):
        state |= make_block(f"transformer.resblocks.{i}.", TEXT_WIDTH)
    return {name: entry.half().float() for name, entry in state.items()}


def make_norm(name: str, width: int) -> dict[str, Tensor]:
    return {
        f"{name}.weight": 1 + 0.2 * torch.randn(width),
        f"{name}.bias": 0.2 * torch.randn(width),
    }


def make_block(prefix: str, width: int) -> dict[str, Tensor]:
    state = {
        f"{prefix}attn.in_proj_weight": torch.randn(3 * width, width) * 0.2,
        f"{prefix}attn.in_proj_bias": torch.randn(3 * width) * 0.2,
        f"{prefix}attn.out_proj.weight": torch.randn(width, width) * 0.1,
        f"{prefix}attn.out_proj.bias": torch.randn(width) * 0.1,
        f"{prefix}mlp.c_fc.weight": torch.randn(4 * width, width) * 0.1,
        f"{prefix}mlp.c_fc.bias": torch.randn(4 * width) * 0.1,
        f"{prefix}mlp.c_proj.weight": torch.randn(width, 4 * width) * 0.1,
        f"{prefix}mlp.c_proj.bias": torch.randn(width) * 0.1,
    }
    return state | make_norm(f"{prefix}ln_1", width) | make_norm(f"{prefix}ln_2", width)


class Holder(nn.Module):
    """Modules and attributes of the names in a state dict, as in OpenAI's program."""

    def __init__(self, state: dict[str, Tensor], buffers: tuple[str, ...] = ()) -> None:
        super().__init__()
        children: dict[str, dict[str, Tensor]] = {}
        for name, entry in state.items():
            child, _, rest = name.partition(".")
            if rest:
                children.setdefault(child, {})[rest] = entry
            elif child in buffers:
                self.register_buffer(child, entry)
            else:
                setattr(self, child, nn.Parameter(entry, requires_grad=False))
        for child, entries in children.items():
            self.add_module(child, Holder(entries))

    def forward(self, images: Tensor) -> Tensor:
        return images * self.get_parameter("logit_scale").float()


def in_half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Half precision where OpenAI's archives have it."""
    whole = ("ln_", "embedding", "logit_scale")
    return {k: v if any(part in k for part in whole) else v.half() for k, v in state.items()}


def save_archive(state: dict[str, Tensor], path: Path) -> Path:
    """Writes a TorchScript archive with the three numbers that OpenAI's hold beside the weights."""
    numbers = dict(input_resolution=PATCH * GRID, context_length=CONTEXT, vocab_size=WORDS)
    buffers = {name: torch.tensor(number) for name, number in numbers.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch.jit
        program = torch.jit.trace(Holder(in_half(state) | buffers, tuple(numbers)), torch.ones(2))
        torch.jit.save(program, str(path))
    return path


def as_hugging_face(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same CLIP in the names of Hugging Face's ``CLIPModel``."""
    found: dict[str, Tensor] = {"logit_scale": state["logit_scale"]}
    towers = ("vision", "visual."), ("text", "")
    for tower, prefix in towers:
        layers, model = f"{prefix}transformer.resblocks.", f"{tower}_model."
        for name, entry in state.items():
            if not name.startswith(layers):
                continue
            number, _, part = name.removeprefix(layers).partition(".")
            target = f"{model}encoder.layers.{number}."
            if part.startswith("attn.in_proj_"):
                kind = part.removeprefix("attn.in_proj_")
                q, k, v = entry.chunk(3)
                for letter, rows in (("k", k), ("v", v), ("q", q)):
                    found[f"{target}self_attn.{letter}_proj.{kind}"] = rows.clone()
                continue
            for old, new in (
                ("attn.out_proj", "self_attn.out_proj"),
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                part = part.replace(old, new)
            found[target + part] = entry
    found["visual_projection.weight"] = state["visual.proj"].T.contiguous()
    found["text_projection.weight"] = state["text_projection"].T.contiguous()
    vision, text = "vision_model.", "text_model."
    found |= {
        f"{vision}embeddings.class_embedding": state["visual.class_embedding"],
        f"{vision}embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        f"{vision}embeddings.position_embedding.weight": state["visual.positional_embedding"],
        f"{vision}embeddings.position_ids": torch.arange(GRID**2 + 1)[None],
        f"{text}embeddings.token_embedding.weight": state["token_embedding.weight"],
        f"{text}embeddings.position_embedding.weight": state["positional_embedding"],
        f"{text}embeddings.position_ids": torch.arange(CONTEXT)[None],
    }
    for old, new in (
        ("visual.ln_pre", f"{vision}pre_layrnorm"),
        ("visual.ln_post", f"{vision}post_layernorm"),
        ("ln_final", f"{text}final_layer_norm"),
    ):
        found |= {f"{new}.{part}": state[f"{old}.{part}"] for part in ("weight", "bias")}
    return found


def write_config(
    folder: Path, activation: str = "quick_gelu", heads: tuple[int, int] = (2, 1)
) -> None:
    """Writes Hugging Face's ``config.json``."""
    towers = {
        f"{tower}_config": dict(hidden_act=activation, num_attention_heads=number)
        for tower, number in zip(("vision", "text"), heads, strict=True)
    }
    (folder / "config.json").write_text(json.dumps(dict(model_type="clip", **towers)))


def image_tokens(state: dict[str, Tensor], images: Tensor, projected: bool = True) -> Tensor:
    """All tokens of images [B, 3, H, W] in the common space, [B, 1 + P, OUT], class token first."""
    x = F.conv2d(images, state["visual.conv1.weight"], stride=PATCH).flatten(2).transpose(1, 2)
    first = state["visual.class_embedding"].expand(len(x), 1, -1)
    x = torch.cat([first, x], 1) + state["visual.positional_embedding"]
    x = norm(state, "visual.ln_pre", x)
    for i in range(LAYERS):
        x = block(state, f"visual.transformer.resblocks.{i}.", x)
    x = norm(state, "visual.ln_post", x)
    return x @ state["visual.proj"] if projected else x


def text_vectors(state: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """Vectors of texts [B, CONTEXT], [B, OUT]: of the end of text, whose number is the largest."""
    x = state["token_embedding.weight"][tokens] + state["positional_embedding"]
    future = torch.ones(CONTEXT, CONTEXT, dtype=torch.bool).triu(1)
    for i in range(TEXT_LAYERS):
        x = block(state, f"transformer.resblocks.{i}.", x, future)
    x = norm(state, "ln_final", x)
    rows = [tokens_of.tolist().index(tokens_of.max()) for tokens_of in tokens]
    return torch.stack([x[i, row] for i, row in enumerate(rows)]) @ state["text_projection"]


def norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)


def block(state: dict[str, Tensor], prefix: str, x: Tensor, hidden: Tensor | None = None) -> Tensor:
    """A transformer's block, head by head."""
    own = {name.removeprefix(prefix): e for name, e in state.items() if name.startswith(prefix)}
    y = norm(own, "ln_1", x)
    q, k, v = (y @ own["attn.in_proj_weight"].T + own["attn.in_proj_bias"]).chunk(3, -1)
    heads = []
    for h in range(x.shape[-1] // 64):
        part = slice(64 * h, 64 * (h + 1))
        scores = q[..., part] @ k[..., part].transpose(1, 2) / 8
        if hidden is not None:
            scores = scores.masked_fill(hidden, float("-inf"))
        heads.append(scores.softmax(-1) @ v[..., part])
    x = x + torch.cat(heads, -1) @ own["attn.out_proj.weight"].T + own["attn.out_proj.bias"]
    y = norm(own, "ln_2", x) @ own["mlp.c_fc.weight"].T + own["mlp.c_fc.bias"]
    y = y * torch.sigmoid(1.702 * y)
    return x + y @ own["mlp.c_proj.weight"].T + own["mlp.c_proj.bias"]
