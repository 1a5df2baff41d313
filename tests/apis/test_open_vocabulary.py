"""Models of open vocabularies: loaded, asked by name from Python and the command line."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch.testing import assert_close

from mmsrdl.apis import MultiLabelInferencer, class_maps, export_onnx, get_model, load_model
from mmsrdl.apis.class_maps import map_methods
from mmsrdl.apis.pictures import draw_attention
from mmsrdl.cli import main
from mmsrdl.datasets import VOC_CATEGORIES
from mmsrdl.evaluation.thresholds import Thresholds
from mmsrdl.models import SigRLHead
from tests.apis.tiny_model import make_config as make_tiny_config
from tests.models.open_vocabulary import make_model

ASKED = ["red kite", "cat", "a dog on a sofa"]
INDEPENDENT = dict(
    attention=dict(type="mmsrdl.SVFRAttention", context="trained"),
    classifier=dict(topk=4, normalise="cosine"),
)


def make_config(voc: Path, folder: Path, **head: Any) -> Config:
    cfg = make_tiny_config("car", voc, folder)
    cfg.model = make_model(VOC_CATEGORIES, size=64, thr=0.45, **head)
    return cfg


@pytest.fixture(scope="module")
def trained(tiny_voc: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, str]:
    """Config and checkpoint of a random model whose scores do not depend on the vocabulary."""
    folder = tmp_path_factory.mktemp("model")
    cfg = make_config(tiny_voc, folder, **INDEPENDENT)
    torch.manual_seed(0)
    model = get_model_of(cfg)
    meta = {"dataset_meta": {"classes": VOC_CATEGORIES}}
    torch.save({"state_dict": model.state_dict(), "meta": meta}, folder / "a.pth")
    return cfg, str(folder / "a.pth")


def get_model_of(cfg: Config) -> Any:
    cfg.dump(Path(cfg.work_dir) / "config.py")
    return get_model(str(Path(cfg.work_dir) / "config.py"))


@pytest.fixture(scope="module")
def inferencer(trained: tuple[Config, str]) -> MultiLabelInferencer:
    return MultiLabelInferencer(*trained, device="cpu")


@pytest.fixture
def photos(tiny_voc: Path) -> list[str]:
    return [str(path) for path in sorted((tiny_voc / "JPEGImages").iterdir())]


def test_any_names_are_scored_and_known_ones_as_ever(
    inferencer: MultiLabelInferencer, photos: list[str]
) -> None:
    every = inferencer(photos)
    assert every[0].classes == VOC_CATEGORIES
    found = inferencer(photos, classes=ASKED, topk=2, batch_size=2)
    for new, old in zip(found, every, strict=True):
        assert new.classes == tuple(ASKED)
        assert new.scores.shape == (3,)
        assert_close(new.scores[1], old.scores[VOC_CATEGORIES.index("cat")])
        above = [name for name, score in zip(ASKED, new.scores, strict=True) if score >= 0.45]
        assert {label.name for label in new.labels} == set(above)
        assert new.topk[0].score == new.scores.max().item()
    assert inferencer.model.head.classes == VOC_CATEGORIES
    again = inferencer(photos, classes=ASKED[::-1])
    assert_close(again[0].scores.flip(0), found[0].scores)


def test_streams_of_two_vocabularies_may_take_turns(
    inferencer: MultiLabelInferencer, photos: list[str]
) -> None:
    first = inferencer.stream(photos, classes=ASKED, num_workers=0)
    second = inferencer.stream(photos, classes=["boat"], num_workers=0)
    turns = [(next(first), next(second)) for _ in photos]
    alone = inferencer(photos, classes=ASKED)
    for (one, other), expected in zip(turns, alone, strict=True):
        assert_close(one.scores, expected.scores)
        assert other.classes == ("boat",)


def test_threads_have_vocabularies_of_their_own(
    inferencer: MultiLabelInferencer, photos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabularies = [ASKED, ["boat", "red car", "kite"], ["tree", "cat", "bus"]]
    wanted = [inferencer(photos[0], classes=names)[0].scores for names in vocabularies]
    score = SigRLHead.score

    def slow(*args: Any) -> Any:
        time.sleep(0.01)
        return score(*args)

    monkeypatch.setattr(SigRLHead, "score", slow)
    with ThreadPoolExecutor(3) as pool:
        ask = [pool.submit(inferencer, photos[0], classes=names) for names in vocabularies * 3]
        found = [each.result()[0].scores for each in ask]
    for scores, expected in zip(found, wanted * 3, strict=True):
        assert_close(scores, expected)
    assert inferencer.model.head.classes == VOC_CATEGORIES


def test_published_scores_are_those_of_the_names_asked(
    tiny_voc: Path, photos: list[str], tmp_path: Path
) -> None:
    cfg = make_config(tiny_voc, tmp_path)
    every = MultiLabelInferencer(get_model_of(cfg))
    few = MultiLabelInferencer(every.model, classes=["cat", "boat"])
    index = [VOC_CATEGORIES.index(name) for name in ("cat", "boat")]
    prediction = every(photos[0], classes=["cat", "boat"])[0]
    assert not torch.allclose(prediction.scores, every(photos[0])[0].scores[index])
    assert_close(prediction.scores, few(photos[0])[0].scores)


def test_names_that_are_refused(inferencer: MultiLabelInferencer, photos: list[str]) -> None:
    for names, message in (
        ([], "must be a list of at least one class name"),
        ("cat", "classes='cat' must be a list"),
        (["a", "a"], "none twice; twice: 'a'"),
        (["black cat", "black_cat"], "which are both spelled 'black cat'"),
    ):
        with pytest.raises(ValueError, match=message):
            inferencer(photos[0], classes=names)
    assert inferencer.model.head.classes == VOC_CATEGORIES


def test_tuned_thresholds_are_of_the_names_that_they_were_tuned_for(
    trained: tuple[Config, str], photos: list[str]
) -> None:
    tuned = Thresholds(VOC_CATEGORIES, (0.0,) * 20)
    inferencer = MultiLabelInferencer(*trained, device="cpu", thresholds=tuned)
    assert len(inferencer(photos[0], classes=["dog", "cat"])[0].labels) == 2
    with pytest.raises(ValueError, match=r"no threshold for 'kite' \(1 of 2 classes\)"):
        inferencer(photos[0], classes=["kite", "cat"])


def test_names_of_the_checkpoint_are_the_labels_of_the_training(
    trained: tuple[Config, str], photos: list[str]
) -> None:
    """Whatever labels, in whatever order, the config has."""
    cfg, checkpoint = trained
    expected = MultiLabelInferencer(cfg, checkpoint, device="cpu")(photos[0])[0]
    other = cfg.copy()
    other.model.head.embedder.classes = ["moon", *VOC_CATEGORIES[::-1]]
    model, names = load_model(other, checkpoint)
    assert names == list(VOC_CATEGORIES)
    assert_close(MultiLabelInferencer(model)(photos[0])[0].scores, expected.scores)
    found = MultiLabelInferencer(other, checkpoint, "cpu", classes=["moon", "cat"])(photos[0])[0]
    assert found.classes == ("moon", "cat")
    assert_close(found.scores[1], expected.scores[VOC_CATEGORIES.index("cat")])


def test_maps_are_the_scores_of_patches(
    inferencer: MultiLabelInferencer, photos: list[str]
) -> None:
    assert map_methods(inferencer.model) == ("cam",)
    found = inferencer(photos[0], classes=ASKED, maps=True)[0]
    assert found.maps.shape == (3, 4, 4)
    images = torch.randn(2, 3, 64, 64)
    model = inferencer.model
    with torch.no_grad(), model.head.vocabulary(ASKED):
        maps = class_maps(model, images)
        scored = model.head.score_images(model.neck(model.backbone(images)))
        chosen = class_maps(model, images, torch.tensor([2]))
    assert_close(maps, scored.maps.scores.unflatten(2, (4, 4)).relu())
    assert maps.max() > 0
    assert_close(chosen, maps[:, [2]])
    with pytest.raises(ValueError, match=r"method='gradcam' does not fit: .* scores class tokens"):
        class_maps(model, images, method="gradcam")


def test_command_line(
    trained: tuple[Config, str], photos: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cfg, checkpoint = trained
    config = str(Path(cfg.work_dir) / "config.py")
    options = ["--json", "--device", "cpu", "--num-workers", "0"]
    assert main(["infer", config, checkpoint, photos[0], "--classes", *ASKED, *options]) == 0
    out, err = capsys.readouterr()
    assert list(json.loads(out)["scores"]) == ASKED
    assert "not among the model's own classes: red kite, a dog on a sofa\n" in err


def test_picture_of_names_that_are_new(
    inferencer: MultiLabelInferencer, photos: list[str], tmp_path: Path
) -> None:
    ((path, picture),) = draw_attention(inferencer, photos[0], tmp_path, classes=ASKED)
    assert path == photos[0]
    assert picture.is_file()


def test_export_command_takes_names(
    trained: tuple[Config, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    cfg, checkpoint = trained
    command = ["export", str(Path(cfg.work_dir) / "config.py"), checkpoint, "--json", "--static"]
    command += ["--no-verify", "--out", str(tmp_path / "a.onnx")]
    assert main([*command, "--classes", *ASKED]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["metadata"]["classes"] == ASKED
    assert report["outputs"]["scores"].endswith("3]")


def test_onnx_file_answers_for_the_names_given(
    inferencer: MultiLabelInferencer, tmp_path: Path
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model, out = inferencer.model, tmp_path / "a.onnx"
    report = export_onnx(model, ASKED, out, size=64, dynamic=False)
    assert report.error is not None
    assert report.error < 1e-4
    assert report.metadata["classes"] == ASKED
    assert report.outputs["scores"].endswith("3]")
    assert model.head.classes == VOC_CATEGORIES
