"""A page in the browser: an image is dropped, its labels and their maps are looked at."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps
from torch import Tensor

from mmsrdl.apis.inferencer import MultiLabelInferencer
from mmsrdl.arguments import check_integer
from mmsrdl.datasets.rgb_image import to_rgb
from mmsrdl.models.embedders.text_encoder import spell_name
from mmsrdl.visualization.overlay import overlay_map

__all__ = ["build_page", "serve_page"]

SHOWN = (384, 1024)
"""Smallest and largest longer side of what is shown, in pixels."""

MAX_NAMES, MAX_LETTERS = 32, 64
"""How many labels a visitor may ask a model of open vocabularies for, and how long one may be."""

MAX_LABELS = 100
"""Labels that are shown of an image; a browser stalls on tens of thousands."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")


def serve_page(
    inferencer: MultiLabelInferencer,
    host: str = "127.0.0.1",
    port: int = 7860,
    max_megabytes: float = 10,
    max_megapixels: float = 50,
    block: bool = True,
    announce: Callable[[str], None] | None = None,
) -> str:
    """Serves the page.

    Args:
        inferencer: Of the model. Its thresholds decide until the slider does.
        host: Address to listen on; other machines reach it only at another one than loopback.
        port: Port to listen on.
        max_megabytes: Size of an image file above which it is refused.
        max_megapixels: Size of an image above which it is refused before it is decoded.
        block: Whether to return only when the process is interrupted.
        announce: Called with the address once the page can be reached.

    Returns:
        The address of the page.

    Raises:
        TypeError: If ``port`` is no integer.
        ValueError: If ``port`` is none.
        RuntimeError: If gradio is missing, or the port is taken.
    """
    check_integer("port", port, low=1, example=7860)
    if port > 65535:
        raise ValueError(f"port={port} must be at most 65535, such as 7860")
    page, theme = build_page(inferencer, max_megapixels)
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            max_file_size=int(max_megabytes * 2**20),
            prevent_thread_lock=True,
            theme=theme,
            share=False,
            show_error=False,  # what broke is the server's to know
            quiet=True,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            enable_monitoring=False,
            footer_links=[],
        )
    except OSError as error:
        raise RuntimeError(
            f"port={port} of {host} cannot be had ({error}); give another"
        ) from error
    if announce is not None:
        announce(address)
    if block:
        page.block_thread()
    return address


def build_page(inferencer: MultiLabelInferencer, max_megapixels: float = 50) -> tuple[Any, Any]:
    """Builds the page.

    Args:
        inferencer: Of the model.
        max_megapixels: See :func:`serve_page`.

    Returns:
        gradio's ``Blocks`` and its theme.

    Raises:
        RuntimeError: If gradio is missing.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    try:
        import gradio as gr
    except ImportError as error:
        raise RuntimeError(
            f"the page needs gradio ({error}); pip install 'mmsrdl[serve]'"
        ) from error
    classes = inferencer.classes
    tuned = inferencer.thresholds.of(classes)
    per_class = bool((tuned != tuned[0]).any())
    start = 0.5 if per_class else tuned[0].item()
    # No fonts from elsewhere.
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])

    def look(sent: dict | None, asked: object) -> tuple:
        if sent is None:
            return None, "", None
        path = sent["path"]
        try:
            image = open_image(path, max_megapixels)
            names = (read_names(asked) or classes) if inferencer.is_open else classes
        except ValueError as error:
            # An exception would leave the labels of the image before beside this one.
            return None, as_text(str(error)), None
        try:
            limits = inferencer.thresholds_of(names)
            prediction = inferencer(path, classes=names, maps="auto", on_error="skip")[0]
        except (OSError, RuntimeError, ValueError) as error:
            if names is classes:
                raise
            # It may name files of this machine.
            print(f"labels {list(names)} cannot be scored: {error}", file=sys.stderr)
            return None, as_text("The model cannot score these labels; its log says why."), None
        if prediction.error is not None:
            # Without the folder, which is the server's.
            reason = prediction.error.replace(f"{Path(path).parent}{os.sep}", "")
            return None, as_text(f"{Path(path).name} cannot be read: {reason}"), None
        state = dict(
            classes=names,
            limits=limits,
            scores=prediction.scores,
            maps=prediction.maps,
            image=for_display(image),
        )
        return state, *picture(state, names[int(prediction.scores.argmax())])

    def picture(state: dict, name: str) -> tuple[str, Image.Image]:
        index = state["classes"].index(name)
        text = f"Where **{as_text(name)}** is seen: score {state['scores'][index]:.3f}"
        return text, overlay_map(state["image"], state["maps"][index])

    def choose(state: dict | None, event: gr.SelectData) -> tuple:
        return ("", None) if state is None else picture(state, event.value)

    def decide(state: dict | None, thr: float, use_tuned: bool) -> tuple[dict | None, str]:
        if state is None:
            return None, ""
        return labels_of(state["scores"], state["classes"], state["limits"] if use_tuned else thr)

    with gr.Blocks(title="mmsrdl", delete_cache=(3600, 3600), analytics_enabled=False) as page:
        gr.Markdown("# What does the image show?")
        state = gr.State()
        with gr.Row():
            with gr.Column():
                photo = gr.Image(
                    sources=["upload", "clipboard"],
                    label="Image", elem_id="photo",
                )  # fmt: skip
                names = gr.Textbox(
                    label="Labels to look for (Enter asks)", visible=inferencer.is_open,
                    placeholder="a dog on a sofa, snow", elem_id="names",
                    info="Any names, with commas between; the model's own where it is empty",
                )  # fmt: skip
                slider = gr.Slider(0, 1, start, step=0.01, label="Threshold", elem_id="thr")
                tick = gr.Checkbox(
                    per_class, label="Thresholds of the classes' own", visible=per_class,
                    elem_id="tuned",
                )  # fmt: skip
                labels = gr.Label(
                    label="Labels (click one for its map)", show_heading=False, elem_id="labels"
                )
                count = gr.Markdown(elem_id="count")
            with gr.Column():
                seen = gr.Image(
                    type="pil", interactive=False, label="Map", elem_id="map",
                    buttons=["download", "fullscreen"],
                )  # fmt: skip
                text = gr.Markdown(elem_id="seen")
        private: dict = dict(api_visibility="private", show_progress="minimal")
        controls = [state, slider, tick]
        # gradio would decode the image itself, whatever its size; that the path is one of an
        # upload it checks all the same.
        for event in (photo.change, names.submit):
            event(look, [photo, names], [state, text, seen], preprocess=False, **private).then(
                decide, controls, [labels, count], **private
            )
        slider.change(lambda: False, None, tick, **private)
        for event in (slider.release, slider.change, tick.change):
            event(decide, controls, [labels, count], **private)
        labels.select(choose, state, [text, seen], **private)
    page.queue(max_size=16, default_concurrency_limit=1)
    return page, theme


def read_names(text: object) -> tuple[str, ...]:
    """Reads the labels that a stranger asks for.

    Args:
        text: What came from the browser: names with commas, semicolons or line ends between.

    Returns:
        The names, each once as it is spelled; () if there is none.

    Raises:
        ValueError: If there are more than :data:`MAX_NAMES`, one has more than
            :data:`MAX_LETTERS` characters, or it is no text.
    """
    if not isinstance(text, str):
        raise ValueError("labels must be text")
    if len(text) > MAX_NAMES * (MAX_LETTERS + 2):
        raise ValueError(f"the text of {len(text)} characters is too long for {MAX_NAMES} labels")
    names: dict[str, str] = {}
    for part in re.split(r"[,;\r\n]", text):
        if spelled := spell_name(part):
            names.setdefault(spelled, " ".join(part.split()))
    if len(names) > MAX_NAMES:
        raise ValueError(f"{len(names)} labels were asked for; at most {MAX_NAMES} are taken")
    if any(len(name) > MAX_LETTERS for name in names.values()):
        raise ValueError(f"a label has more than {MAX_LETTERS} characters")
    return tuple(names.values())


def labels_of(
    scores: Tensor, classes: tuple[str, ...], thresholds: float | Tensor
) -> tuple[dict[str, float] | None, str]:
    """Chooses what is shown of scores.

    Args:
        scores: [C].
        classes: C names.
        thresholds: One, or [C].

    Returns:
        Names to scores of the predicted classes, of the :data:`MAX_LABELS` highest if there are
        more, None if there are none; and a sentence.
    """
    predicted = (scores >= thresholds).nonzero().flatten()
    highest = predicted[scores[predicted].argsort(descending=True)[:MAX_LABELS]].sort().values
    chosen = {classes[c]: scores[c].item() for c in highest.tolist()}
    best = classes[int(scores.argmax())]
    sentence = f"{len(predicted)} of {len(classes)} classes are at or above the threshold."
    if len(predicted) > MAX_LABELS:
        sentence += f" The {MAX_LABELS} highest are shown."
    if not chosen:
        sentence += f" The highest is {as_text(best)} with {scores.max().item():.3f}."
    return chosen or None, sentence


def as_text(text: str) -> str:
    """Takes the meaning from characters that are Markdown's or HTML's: names are not ours."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def for_display(image: Image.Image) -> Image.Image:
    """Resizes an image whose longer side lies outside :data:`SHOWN`."""
    side = min(max(max(image.size), SHOWN[0]), SHOWN[1])
    return image if side == max(image.size) else ImageOps.contain(image, (side, side))


def open_image(path: str, max_megapixels: float) -> Image.Image:
    """Opens an image that a stranger sent.

    Args:
        path: File.
        max_megapixels: Size above which it is not decoded.

    Returns:
        RGB image, turned as the camera was held.

    Raises:
        ValueError: If it is no image, damaged, or too large.
    """
    name = Path(path).name
    try:
        with Image.open(path, formats=FORMATS) as image:
            megapixels = image.width * image.height / 1e6
            if megapixels <= max_megapixels:
                return to_rgb(image)
    except Exception as error:  # Pillow's decoders raise many kinds
        raise ValueError(
            f"{name} cannot be read as one of {', '.join(FORMATS)}; it is damaged, or no image"
        ) from error
    raise ValueError(
        f"{name} has {megapixels:.0f} megapixels; at most {max_megapixels:g} are taken"
    )
