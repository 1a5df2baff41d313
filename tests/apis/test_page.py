import itertools
import json
import os
import shutil
import socket
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mmsrdl.apis import MultiLabelInferencer, get_model, load_config
from mmsrdl.apis.page import (
    as_text,
    build_page,
    for_display,
    labels_of,
    open_image,
    read_names,
    serve_page,
)
from mmsrdl.datasets import VOC_CATEGORIES
from mmsrdl.evaluation import Thresholds
from tests.apis.test_open_vocabulary import get_model_of
from tests.apis.test_open_vocabulary import make_config as make_open_config
from tests.conftest import write_photos


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


CLASSES = ("boat", "car", "dog", "tree")


def test_labels_at_or_above_the_threshold_are_shown() -> None:
    scores = torch.tensor([0.5, 0.2, 0.9, 0.49])
    shown, sentence = labels_of(scores, CLASSES, 0.5)
    assert shown == {"boat": 0.5, "dog": pytest.approx(0.9)}
    assert sentence == "2 of 4 classes are at or above the threshold."
    shown, _ = labels_of(scores, CLASSES, torch.tensor([0.6, 0.2, 0.95, 0.4]))
    assert list(shown or ()) == ["car", "tree"]
    shown, sentence = labels_of(scores, CLASSES, 0.95)
    assert shown is None
    assert sentence.endswith("The highest is dog with 0.900.")


def test_no_more_than_a_hundred_labels_are_shown() -> None:
    names = tuple(f"class {number}" for number in range(2000))
    scores = torch.linspace(0, 1, 2000)
    shown, sentence = labels_of(scores, names, 0.25)
    assert list(shown or ()) == list(names[1900:])
    expected = "1500 of 2000 classes are at or above the threshold. The 100 highest are shown."
    assert sentence == expected


def test_image_is_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    image = Image.new("L", (30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(tmp_path / "turned.jpg", exif=exif)
    opened = open_image(str(tmp_path / "turned.jpg"), max_megapixels=1)
    assert (opened.size, opened.mode) == ((20, 30), "RGB")


def test_names_are_no_markdown() -> None:
    assert as_text("![](http://a.b/c)") == r"\!\[\]\(http\:\/\/a\.b\/c\)"
    assert as_text("<b>Käse & Brot</b>") == r"\<b\>Käse \& Brot\<\/b\>"
    assert as_text("traffic light 2") == "traffic light 2"


def test_small_and_large_images_are_resized_to_be_looked_at() -> None:
    for given, shown in (((96, 48), (384, 192)), ((500, 400), (500, 400)), ((10, 4096), (2, 1024))):
        assert for_display(Image.new("RGB", given)).size == shown


def test_images_that_are_none_or_too_large_are_refused(tmp_path: Path) -> None:
    write_photos(tmp_path, ["cut.jpg"])
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "vector.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    Image.new("RGB", (10, 10)).save(tmp_path / "animation.gif")
    for name in ("cut.jpg", "text.png", "vector.svg", "animation.gif"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as one of JPEG"):
            open_image(str(tmp_path / name), max_megapixels=1)
    Image.new("1", (2000, 1000)).save(tmp_path / "large.png")
    with pytest.raises(ValueError, match=r"large.png has 2 megapixels; at most 1\.5 are taken"):
        open_image(str(tmp_path / "large.png"), max_megapixels=1.5)


def test_names_that_are_asked_for() -> None:
    assert read_names("") == read_names(" ,;\n") == ()
    asked = "a red  kite, snow;snow\nblack_cat,black cat"
    assert read_names(asked) == ("a red kite", "snow", "black_cat")
    assert len(read_names(",".join(map(str, range(32))))) == 32
    assert read_names("x" * 64) == ("x" * 64,)
    for asked, message in (
        (",".join(map(str, range(33))), "33 labels were asked for; at most 32 are taken"),
        ("x" * 65, "a label has more than 64 characters"),
        ("," * 10_000, "the text of 10000 characters is too long for 32 labels"),
        (None, "labels must be text"),
        (["snow"], "labels must be text"),
    ):
        with pytest.raises(ValueError, match=message):
            read_names(asked)


def make_inferencer(thresholds: object = None) -> MultiLabelInferencer:
    """Of a model with random weights, whose scores lie around 0.5."""
    torch.manual_seed(0)
    cfg = load_config("srdl_lite0_voc07")
    model = get_model("srdl_lite0_voc07")
    return MultiLabelInferencer(model, thresholds=thresholds, config=cfg)


def test_page_is_built_of_what_the_thresholds_say() -> None:
    pytest.importorskip("gradio", reason="needs the extra [serve]")
    values = [0.1 + 0.01 * c for c in range(20)]
    for thresholds, start, visible in (
        (0.25, 0.25, False),
        (Thresholds(VOC_CATEGORIES, tuple(values)), 0.5, True),
    ):
        page, _ = build_page(make_inferencer(thresholds))
        parts = {block.elem_id: block for block in page.blocks.values() if block.elem_id}
        assert parts["thr"].value == pytest.approx(start)
        assert (parts["tuned"].value, parts["tuned"].visible) == (visible, visible)
        assert page.analytics_enabled is False


def events_of(page: Any) -> tuple[Any, Any]:
    """Returns what the page does with an image, and then with a threshold."""
    named = {each.fn.__name__: each.fn for each in page.fns.values() if each.fn}
    return named["look"], named["decide"]


def test_model_of_open_vocabularies_is_asked_for_any_names(
    tiny_voc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gradio", reason="needs the extra [serve]")
    torch.manual_seed(0)
    inferencer = MultiLabelInferencer(get_model_of(make_open_config(tiny_voc, tmp_path)))
    page, _ = build_page(inferencer)
    parts = {block.elem_id: block for block in page.blocks.values() if block.elem_id}
    assert parts["names"].visible
    look, decide = events_of(page)
    photo = {"path": str(next((tiny_voc / "JPEGImages").iterdir()))}
    state, _, picture = look(photo, "a red kite, cat")
    assert picture is not None
    shown, sentence = decide(state, 0.0, False)
    assert sorted(shown) == ["a red kite", "cat"]
    assert sentence.startswith("2 of 2 classes")
    expected = inferencer(photo["path"], classes=["a red kite", "cat"])[0].scores
    torch.testing.assert_close(state["scores"], expected)
    state, *_ = look(photo, " ")
    assert decide(state, 0.0, False)[1].startswith("20 of 20 classes")
    state, text, picture = look(photo, "x" * 65)
    assert (state, picture) == (None, None)
    assert text == "a label has more than 64 characters"
    tuned = Thresholds(VOC_CATEGORIES, (0.0,) * 20)
    look, decide = events_of(
        build_page(MultiLabelInferencer(inferencer.model, thresholds=tuned))[0]
    )
    capsys.readouterr()
    state, text, _ = look(photo, "kite")
    assert (state, "its log says why" in text) == (None, True)
    assert "no threshold for 'kite'" in capsys.readouterr().err
    assert decide(look(photo, "cat")[0], 0.9, True)[0].keys() == {"cat"}


def test_other_models_take_no_names(tiny_voc: Path) -> None:
    pytest.importorskip("gradio", reason="needs the extra [serve]")
    page, _ = build_page(make_inferencer())
    parts = {block.elem_id: block for block in page.blocks.values() if block.elem_id}
    assert not parts["names"].visible
    photo = {"path": str(next((tiny_voc / "JPEGImages").iterdir()))}
    state, *_ = events_of(page)[0](photo, "kite")  # whatever a browser sends
    assert state["classes"] == VOC_CATEGORIES


@pytest.mark.parametrize(
    ("port", "message"), [(0, "port=0"), (99999, "port=99999 must be at most")]
)
def test_ports_that_are_none(port: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        serve_page(make_inferencer(), port=port)


class Client:
    """What anyone can send to the page, without a browser."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/") + "/gradio_api"

    def send(self, place: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        """The status, and the answer as text; a stream up to the end of the work."""
        request = urllib.request.Request(self.address + place, body, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                lines = itertools.takewhile(lambda line: b"close_stream" not in line, answer)
                text, done = "", False
                while not done and (line := next(lines, b"")):
                    text += line.decode()
                    done = "process_completed" in text
                return answer.status, text
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def upload(self, name: str, content: bytes) -> tuple[int, str]:
        head = f'--X\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        return self.send(
            "/upload", head.encode() + content + b"\r\n--X--\r\n", "multipart/form-data; boundary=X"
        )

    def look(self, sent: Any) -> str:
        """What the page answers where the browser says that an image was dropped."""
        data = {"data": [sent], "fn_index": 0, "session_hash": uuid.uuid4().hex}
        status, text = self.send("/queue/join", json.dumps(data).encode())
        if status != 200:
            return text
        return self.send(f"/queue/data?session_hash={data['session_hash']}")[1]


@pytest.fixture(scope="module")
def client() -> Client:
    pytest.importorskip("gradio", reason="needs the extra [serve]")
    return Client(
        serve_page(
            make_inferencer(), port=free_port(), max_megabytes=1, max_megapixels=1, block=False
        )
    )


def is_silent(text: str) -> bool:
    """Whether an answer tells nothing of the server: no trace, no folder, no content."""
    return not any(word in text for word in ("Traceback", "site-packages", ".py", "root:"))


@pytest.mark.parametrize(
    "name",
    ["../../evil.png", "{root}/evil.png", "..\\..\\evil.png", "%2e%2e%2fevil.png", "a" * 5000,
     "<img src=x onerror=alert(1)>.png", "evil.png\x00.txt"],
)  # fmt: skip
def test_no_name_of_an_upload_reaches_the_file_system(
    name: str, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, text = client.upload(name.replace("{root}", str(tmp_path)), b"no image")
    assert is_silent(text)
    if status == 200:
        path = Path(json.loads(text)[0]).resolve()
        cache = Path(os.environ.get("GRADIO_TEMP_DIR", Path(tempfile.gettempdir()) / "gradio"))
        assert path.is_relative_to(cache.resolve())
        answer = client.look({"path": str(path), "meta": {"_type": "gradio.FileData"}})
        assert "cannot be read as one of JPEG" in answer
        assert is_silent(answer)
        assert str(cache) not in answer
        assert "<img" not in answer
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sent",
    [
        *(
            {"path": path, "meta": {"_type": "gradio.FileData"}}
            for path in ("/etc/passwd", "../../../etc/passwd", "file:///etc/passwd", __file__)
        ),
        {"path": "a.png", "url": "http://127.0.0.1:1/a.png", "meta": {"_type": "gradio.FileData"}},
        {"path": 5}, {"no path": "a.png"}, "a.png", 5, [1],
    ],
)  # fmt: skip
def test_no_path_of_a_request_is_opened(sent: Any, client: Client) -> None:
    answer = client.look(sent)
    assert '"success":false' in answer
    assert '"error":null' in answer
    assert is_silent(answer)


def test_files_of_the_server_are_not_given(client: Client) -> None:
    for path in ("/etc/passwd", "../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", __file__):
        status, text = client.send(f"/file={path}")
        assert status in (403, 404)
        assert "root:" not in text


def test_uploads_are_bounded(client: Client, tmp_path: Path) -> None:
    assert client.upload("large.png", bytes(2 * 2**20))[0] == 413
    Image.new("1", (2000, 1000)).save(tmp_path / "pixels.png")
    _, text = client.upload("pixels.png", (tmp_path / "pixels.png").read_bytes())
    answer = client.look({"path": json.loads(text)[0], "meta": {"_type": "gradio.FileData"}})
    assert "2 megapixels" in answer.replace("\\", "")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """The page in headless Chromium."""
    pytest.importorskip("gradio", reason="needs the extra [serve]")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")
    address = serve_page(
        make_inferencer(), port=free_port(), max_megabytes=1, max_megapixels=1, block=False
    )
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address)
        page.wait_for_selector("#photo input[type=file]", state="attached")
        yield page
        browser.close()


def test_upload_labels_click_map_and_threshold(page: Any, tmp_path: Path) -> None:
    write_photos(tmp_path, ["photo.jpg"])
    page.set_input_files("#photo input[type=file]", str(tmp_path / "photo.jpg"))
    page.wait_for_selector("#labels button")
    page.wait_for_selector("#map img")
    names = [each.inner_text().split()[0] for each in page.query_selector_all("#labels button")]
    assert set(names) <= set(VOC_CATEGORIES)
    before = page.get_attribute("#map img", "src")
    assert f"Where {names[0]} is seen" in page.inner_text("#seen")
    page.click(f"#labels button[data-testid^='{names[-1]}']")
    page.wait_for_function("before => document.querySelector('#map img').src != before", arg=before)
    assert f"Where {names[-1]} is seen" in page.inner_text("#seen")
    expected = make_inferencer()(str(tmp_path / "photo.jpg"))[0]
    assert page.inner_text("#count").startswith(f"{len(expected.labels)} of 20 classes")
    assert names == [label.name for label in expected.labels]
    page.fill("#thr input[type=number]", "1")
    page.press("#thr input[type=number]", "Enter")
    page.wait_for_function("document.querySelector('#count').innerText.startsWith('0 of 20')")
    assert page.query_selector_all("#labels button") == []
    assert not [url for url in page.asked if "127.0.0.1" not in url and not url.startswith("data:")]


@pytest.fixture
def open_page(page: Any, tiny_voc: Path, tmp_path: Path) -> Iterator[Any]:
    """The page of a model of open vocabularies, in a tab of its own."""
    torch.manual_seed(0)
    inferencer = MultiLabelInferencer(get_model_of(make_open_config(tiny_voc, tmp_path)))
    tab = page.context.browser.new_page()
    tab.set_default_timeout(60_000)
    tab.goto(serve_page(inferencer, port=free_port(), block=False))
    tab.wait_for_selector("#photo input[type=file]", state="attached")
    yield tab
    tab.close()


def test_names_are_asked_for_in_the_browser(open_page: Any, tmp_path: Path) -> None:
    write_photos(tmp_path, ["photo.jpg"])
    open_page.set_input_files("#photo input[type=file]", str(tmp_path / "photo.jpg"))
    open_page.wait_for_function("document.querySelector('#count').innerText.includes('of 20')")
    open_page.fill("#names textarea, #names input", "a red kite, <b>snow</b>")
    open_page.press("#names textarea, #names input", "Enter")
    open_page.wait_for_function("document.querySelector('#count').innerText.includes('of 2 ')")
    open_page.fill("#thr input[type=number]", "0")
    open_page.press("#thr input[type=number]", "Enter")
    open_page.wait_for_function("document.querySelector('#count').innerText.startsWith('2 of 2')")
    buttons = " ".join(each.inner_text() for each in open_page.query_selector_all("#labels button"))
    assert "a red kite" in buttons
    assert "<b>snow</b>" in buttons
    open_page.click("#labels button[data-testid^='a red kite']")
    open_page.wait_for_function("document.querySelector('#seen').innerText.includes('a red kite')")


def test_page_refuses_what_it_should(page: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_text("no image")
    page.reload()
    page.wait_for_selector("#photo input[type=file]", state="attached")
    page.set_input_files("#photo input[type=file]", str(tmp_path / "broken.png"))
    page.wait_for_function("document.querySelector('#seen').innerText.includes('cannot be read')")
    assert page.query_selector_all("#labels button") == []
    noise = np.random.default_rng(0).integers(0, 256, (900, 1000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "heavy.png")
    page.reload()
    page.wait_for_selector("#photo input[type=file]", state="attached")
    page.set_input_files("#photo input[type=file]", str(tmp_path / "heavy.png"))
    page.wait_for_selector("text=/exceed|too large|maximum/i")
    assert page.query_selector_all("#labels button") == []
