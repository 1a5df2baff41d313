"""CLIP's text encoder: vectors of any text, in the space of its image tower."""

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from mmsrdl.checkpoint import read_checkpoint, state_dict_of
from mmsrdl.models.embedders.text_encoder import digest_files
from mmsrdl.registry import MODELS

__all__ = ["CLIP_ACTIVATION", "HEAD_WIDTH", "CLIPTextEncoder", "CLIPTextTower", "quick_gelu"]

HEAD_WIDTH = 64
"""Channels of an attention head in CLIP's towers: no file says it, and OpenAI's all have it."""

CLIP_ACTIVATION = "model.backbone.layer_cfgs.act_cfg.type"
"""The setting under which ``meta.converted_from.options`` has the activation of both towers."""

PREFIX = "text."
BATCH = 64
"""Texts that are encoded at a time."""


def quick_gelu(x: Tensor) -> Tensor:
    """Computes x sigmoid(1.702 x), the activation of OpenAI's models."""
    return x * torch.sigmoid(1.702 * x)


class CLIPTextTower(nn.Module):
    """Embeds token numbers: a transformer whose tokens see none that come later.

    Source: Radford et al., ICML 2021, and its public code. The vector is that of the end of text,
    projected; it is not normalised.

    Args:
        words: Number of tokens in the vocabulary, of which the last one ends a text.
        context: Largest number of tokens of a text, 77 as published.
        width: Channels.
        layers: Number of blocks.
        out: E, channels of the vectors.
        activation: Of the blocks' perceptrons.

    Shapes:
        - Input: token numbers [n, L], L at most ``context``; any after the end of text.
        - Output: [n, E].
    """

    def __init__(
        self,
        words: int,
        context: int,
        width: int,
        layers: int,
        out: int,
        activation: Callable[[Tensor], Tensor] = quick_gelu,
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(words, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width).normal_(std=0.01))
        layer = nn.TransformerEncoderLayer(
            width,
            max(width // HEAD_WIDTH, 1),
            4 * width,
            dropout=0.0,
            activation=activation,
            batch_first=True,
            norm_first=True,
        )
        norm = nn.LayerNorm(width)
        self.encoder = nn.TransformerEncoder(layer, layers, norm, enable_nested_tensor=False)
        self.projection = nn.Parameter(torch.empty(width, out).normal_(std=width**-0.5))

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns the vectors of texts, [n, E]."""
        length = tokens.shape[1]
        x = self.token_embedding(tokens) + self.positional_embedding[:length]
        mask = nn.Transformer.generate_square_subsequent_mask(length, x.device, x.dtype)
        x = self.encoder(x, mask=mask, is_causal=True)
        end = tokens.argmax(dim=1)  # the first one
        return x[torch.arange(len(x), device=x.device), end] @ self.projection


@MODELS.register_module()
class CLIPTextEncoder:
    """Encodes texts by CLIP's text encoder, on the CPU, without gradients.

    It is a :class:`TextEncoder`: no part of a model's state dict, read at the first text.
    Vectors are not normalised. Texts are split as OpenAI's code does, by open_clip's tokenizer,
    which brings the vocabulary along: extra ``[openvocab]``.

    Args:
        weights: Checkpoint that `mmsrdl convert clip` wrote.
        vocabulary: File of byte-pair merges (``.txt.gz``) of a CLIP with a vocabulary of its own.
            Defaults to OpenAI's, of 49,408 tokens.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: In :meth:`encode`, if the files are others, the vocabulary is not the weights',
            or a text is too long, which OpenAI's code refuses, too.
        RuntimeError: In :meth:`encode`, if open_clip is not installed.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        vocabulary: str | os.PathLike[str] | None = None,
    ) -> None:
        self.weights = Path(weights).expanduser()
        self.vocabulary = None if vocabulary is None else Path(vocabulary).expanduser()
        for argument, path in (("weights", self.weights), ("vocabulary", self.vocabulary)):
            if path is not None and not path.is_file():
                raise FileNotFoundError(
                    f"{argument}='{path}' is no file; give weights=FILE that `mmsrdl convert clip` "
                    "wrote, and leave vocabulary out for OpenAI's"
                )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the files."""
        return digest_files([path for path in (self.weights, self.vocabulary) if path])

    @cached_property
    def _tower(self) -> CLIPTextTower:
        return read_text_tower(self.weights)

    @cached_property
    def _tokenizer(self) -> Any:
        return make_tokenizer(self.vocabulary)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Encodes texts; see :class:`TextEncoder`."""
        tower = self._tower
        rows = self._tokens(texts)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # so that little is padded
        vectors = torch.empty(len(rows), tower.projection.shape[1])
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            for start in range(0, len(order), BATCH):
                some = order[start : start + BATCH]
                padded = pad_sequence([torch.tensor(rows[i]) for i in some], batch_first=True)
                vectors[some] = tower(padded)
        return vectors

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the token numbers of texts, from start to end."""
        tokenizer = self._tokenizer
        context, words = len(self._tower.positional_embedding), self._tower.token_embedding
        if tokenizer.vocab_size != words.num_embeddings:
            raise ValueError(
                f"weights='{self.weights}' have a vocabulary of {words.num_embeddings} tokens but "
                f"vocabulary={str(self.vocabulary)!r} has {tokenizer.vocab_size}; give the "
                "one that they were trained with"
            )
        rows = []
        for text in texts:
            row = [tokenizer.sot_token_id, *tokenizer.encode(text), tokenizer.eot_token_id]
            if len(row) > context:
                raise ValueError(
                    f"the text {text[:80]!r} has {len(row)} tokens, its start and end among them, "
                    f"where CLIP takes {context}; shorten it"
                )
            rows.append(row)
        return rows


def read_text_tower(path: str | os.PathLike[str]) -> CLIPTextTower:
    """Reads the text tower of a converted CLIP.

    Args:
        path: Checkpoint that `mmsrdl convert clip` wrote.

    Returns:
        The tower, frozen and evaluating.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another one.
    """
    content = read_checkpoint(path)
    state = {
        name.removeprefix(PREFIX): entry
        for name, entry in state_dict_of(content, path).items()
        if name.startswith(PREFIX)
    }
    try:
        (words, _), (context, width) = (
            state[name].shape for name in ("token_embedding.weight", "positional_embedding")
        )
        layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("encoder.l"))
        out = state["projection"].shape[1]
        with torch.device("meta"):
            tower = CLIPTextTower(words, context, width, layers, out, _activation(content))
        tower.load_state_dict(state, assign=True)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"weights='{os.fspath(path)}' holds no text encoder of CLIP "
            f"({type(error).__name__}: {error}); make it of published weights: mmsrdl convert clip "
            "FILE NEW_FILE"
        ) from error
    return tower.requires_grad_(False).eval()


def _activation(content: Any) -> Callable[[Tensor], Tensor]:
    """Returns what the conversion has kept of the activation."""
    meta = content.get("meta") if isinstance(content, dict) else None
    source = meta.get("converted_from") if isinstance(meta, dict) else None
    options = source.get("options") if isinstance(source, dict) else None
    kind = options.get(CLIP_ACTIVATION) if isinstance(options, dict) else None
    return F.gelu if kind == "GELU" else quick_gelu


def make_tokenizer(vocabulary: Path | None) -> Any:
    """Returns open_clip's tokenizer.

    Args:
        vocabulary: See :class:`CLIPTextEncoder`.

    Raises:
        RuntimeError: If open_clip is not installed.
        ValueError: If the vocabulary cannot be read.
    """
    try:
        from open_clip.tokenizer import SimpleTokenizer
    except ImportError as error:
        raise RuntimeError(
            f"CLIP's tokenizer is not installed ({error}): pip install mmsrdl[openvocab]"
        ) from error
    if vocabulary is None:
        return SimpleTokenizer()
    try:
        return SimpleTokenizer(bpe_path=str(vocabulary))
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(
            f"vocabulary='{vocabulary}' is no file of byte-pair merges packed by gzip "
            f"({type(error).__name__}: {error}); give one such as open_clip's "
            "bpe_simple_vocab_16e6.txt.gz"
        ) from error
