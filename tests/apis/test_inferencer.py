import csv
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.apis.base import BaseInferencer
from PIL import Image
from torch import nn
from torch.testing import assert_close

import mmsrdl
from mmsrdl.apis import MultiLabelInferencer, Prediction, class_maps, load_model, write_predictions
from mmsrdl.apis import test as evaluate
from mmsrdl.datasets import VOC_CATEGORIES
from mmsrdl.datasets.npz import read_npz
from mmsrdl.evaluation.thresholds import Thresholds
from tests.apis.tiny_model import HEADS, make_config, write_checkpoint

TINY_VOC_IMAGES = 4


@pytest.fixture(scope="module")
def models(
    tiny_voc: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Config, str]]:
    """Config and checkpoint of every head."""
    folder = tmp_path_factory.mktemp("models")
    configs = {kind: make_config(kind, tiny_voc, folder / kind) for kind in HEADS}
    return {
        kind: (cfg, write_checkpoint(cfg, folder / f"{kind}.pth")) for kind, cfg in configs.items()
    }


@pytest.fixture(scope="module")
def car(models: dict[str, tuple[Config, str]]) -> MultiLabelInferencer:
    return MultiLabelInferencer(*models["car"], device="cpu")


@pytest.fixture
def paths(tiny_voc: Path) -> list[str]:
    return [str(path) for path in sorted((tiny_voc / "JPEGImages").iterdir())]


@pytest.mark.parametrize("kind", HEADS)
def test_scores_are_those_of_the_evaluation(
    kind: str, models: dict[str, tuple[Config, str]], tmp_path: Path
) -> None:
    """`mmsrdl test` and the inferencer score the same images alike, batched or single."""
    cfg, checkpoint = models[kind]
    evaluate(cfg.copy(), checkpoint, str(tmp_path / "scores.npz"))
    names, scores, images = read_npz(
        tmp_path / "scores.npz", ("names", "scores", "img_path"), "file"
    )
    expected = torch.from_numpy(scores)
    assert expected.shape == (TINY_VOC_IMAGES, 20)
    assert expected.std(0).max() > 0.01
    assert expected.std(1).min() > 0.05
    inferencer = MultiLabelInferencer(cfg, checkpoint, device="cpu")
    for batch_size in (1, 3, TINY_VOC_IMAGES):
        for maps in (False, True):
            found = inferencer(images.tolist(), batch_size=batch_size, maps=maps)
            scores = torch.stack([each.scores for each in found])
            assert_close(scores, expected, rtol=0, atol=1e-5)
    assert inferencer.classes == tuple(names.tolist()) == tuple(VOC_CATEGORIES)


def test_labels_topk_and_classes(car: MultiLabelInferencer, paths: list[str]) -> None:
    full = car(paths, topk=3)
    assert [each.path for each in full] == paths
    for each in full:
        order = each.scores.argsort(descending=True, stable=True)
        ranked = [(VOC_CATEGORIES[i], each.scores[i].item()) for i in order]
        assert list(each.labels) == [pair for pair in ranked if pair[1] >= np.float32(0.4)]
        assert list(each.topk) == ranked[:3]
        assert each.maps is None
    assert 0 < sum(len(each.labels) for each in full) < 80
    (few,) = car(paths[0], classes=["dog", "cat"], maps=True)
    assert few.classes == ("dog", "cat")
    index = [VOC_CATEGORIES.index(name) for name in few.classes]
    assert_close(few.scores, full[0].scores[index])
    assert few.maps.shape == (2, 2, 2)
    assert set(few.labels) == {label for label in full[0].labels if label.name in few.classes}


def test_maps_of_cropped_images_are_warned_of(
    models: dict[str, tuple[Config, str]], paths: list[str]
) -> None:
    cfg, checkpoint = models["car"]
    cfg = cfg.copy()
    cfg.test_dataloader.dataset.pipeline.insert(2, dict(type="CenterCrop", crop_size=48))
    inferencer = MultiLabelInferencer(cfg, checkpoint, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inferencer(paths[0])
    with pytest.warns(UserWarning, match="the test pipeline has CenterCrop: maps are of what"):
        inferencer(paths[0], maps=True)


@pytest.mark.parametrize(("kind", "method"), [
    ("car", "attention"), ("car", "gradcam"), ("linear", "cam"), ("csra", "cam"),
    ("csra", "gradcam"),
])  # fmt: skip
def test_maps_are_those_of_class_maps(
    kind: str, method: Any, models: dict[str, tuple[Config, str]], paths: list[str]
) -> None:
    cfg, checkpoint = models[kind]
    inferencer = MultiLabelInferencer(cfg, checkpoint, device="cpu")
    found = inferencer(paths, batch_size=3, maps=method, classes=["cat", "aeroplane"])
    data = [inferencer.pipeline({"img_path": path})["inputs"] for path in paths]
    inputs = inferencer.model.data_preprocessor({"inputs": torch.stack(data)})["inputs"]
    index = torch.tensor([VOC_CATEGORIES.index("cat"), 0])
    expected = class_maps(inferencer.model, inputs, index, method)
    assert expected.std() > 0
    assert_close(torch.stack([each.maps for each in found]), expected, rtol=1e-4, atol=1e-5)
    assert all(parameter.grad is None for parameter in inferencer.model.parameters())


def test_every_kind_of_input_gives_the_same_scores(
    car: MultiLabelInferencer, paths: list[str], tmp_path: Path
) -> None:
    expected = torch.stack([each.scores for each in car(paths)])
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for number, path in enumerate(paths):
        shutil.copy(path, folder / ("inner" if number else "") / f"{number}.JPG")
    shutil.copy(paths[0], folder / ".hidden" / "0.jpg")
    (folder / "notes.txt").write_text("no image")
    # 0.JPG comes before inner/1.JPG.
    inputs: list[Any] = [
        folder, str(folder), str(folder / "**" / "*.JPG"), [Path(path) for path in paths],
        [folder / "0.JPG", folder / "inner"], iter(paths), [cv2.imread(path) for path in paths],
        [Image.open(path) for path in paths],
    ]  # fmt: skip
    for given in inputs:
        found = car(given, batch_size=3)
        assert_close(torch.stack([each.scores for each in found]), expected, rtol=0, atol=1e-5)
    assert car(Image.open(paths[0]))[0].path == paths[0]
    assert car(cv2.imread(paths[0]))[0].path is None
    rgb = cv2.imread(paths[0])[..., ::-1]
    assert not torch.allclose(car(np.ascontiguousarray(rgb))[0].scores, expected[0], atol=1e-4)


def test_pil_images_are_turned_as_files_are(
    car: MultiLabelInferencer, paths: list[str], tmp_path: Path
) -> None:
    image = Image.open(paths[0])
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held upright
    image.save(tmp_path / "turned.png", exif=exif)
    straight, turned = car([paths[0], str(tmp_path / "turned.png")])
    memory = car(Image.open(tmp_path / "turned.png"))[0]
    assert_close(memory.scores, turned.scores)
    assert not torch.allclose(straight.scores, turned.scores, atol=1e-4)
    grey = Image.open(paths[0]).convert("L")
    assert_close(car(grey)[0].scores, car(grey.convert("RGBA"))[0].scores)


def test_images_of_different_sizes_are_not_padded(
    models: dict[str, tuple[Config, str]], paths: list[str], tmp_path: Path
) -> None:
    cfg, checkpoint = models["linear"]
    cfg = cfg.copy()
    del cfg.test_dataloader.dataset.pipeline[1]
    wide = cv2.resize(cv2.imread(paths[0]), (128, 80))
    inferencer = MultiLabelInferencer(cfg, checkpoint, device="cpu")
    images = [*map(cv2.imread, paths[:2]), wide, cv2.imread(paths[2])]
    batched = inferencer(images, batch_size=4)
    single = inferencer(images, batch_size=1)
    for one, other in zip(batched, single, strict=True):
        assert_close(one.scores, other.scores, rtol=0, atol=1e-5)


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_broken_images(
    num_workers: int, car: MultiLabelInferencer, paths: list[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(Path(paths[0]).read_bytes()[:200])
    given = [str(broken), *paths[:3], str(broken), "nowhere.jpg", paths[3], str(broken)]
    options: dict[str, Any] = dict(batch_size=2, num_workers=num_workers)
    with pytest.raises(FileNotFoundError, match=r"1 images do not exist: nowhere.jpg"):
        car(given, **options)
    with pytest.raises(RuntimeError, match=rf"image '{broken}' cannot be prepared: .*leave it out"):
        car([paths[0], str(broken)], **options)
    found = car(given, on_error="skip", maps=True, **options)
    assert [each.path for each in found] == given
    fine = [each for each in found if each.error is None]
    assert [each.path for each in fine] == paths
    for each, alone in zip(fine, car(paths, maps=True), strict=True):
        assert_close(each.scores, alone.scores)
        assert_close(each.maps, alone.maps)
    for each in found:
        assert (each.error is None) == (each.scores is not None)
    assert found[5].error == "FileNotFoundError: 1 images do not exist: nowhere.jpg"
    assert "the JPEG is cut short" in found[0].error
    assert car([str(broken)], on_error="skip")[0].labels == ()


def test_broken_images_come_without_waiting_for_others(car: MultiLabelInferencer) -> None:
    missing = [f"{number}.jpg" for number in range(50)]
    batches = car.preprocess(missing, batch_size=2, on_error="skip")
    assert [image.path for image in next(batches)] == ["0.jpg"]
    assert sum(map(len, batches)) == 49


def test_images_are_read_as_they_are_needed(car: MultiLabelInferencer, paths: list[str]) -> None:
    read: list[str] = []
    whole = car.pipeline
    car.pipeline = lambda data: [read.append(data["img_path"]), whole(data)][1]
    try:
        stream = car.stream(paths[:1] * 50, batch_size=2, num_workers=1)
        assert next(stream).path == paths[0]
        stream.close()
    finally:
        car.pipeline = whole
    assert 2 <= len(read) < 12


def test_thresholds(
    models: dict[str, tuple[Config, str]], paths: list[str], tmp_path: Path
) -> None:
    cfg, checkpoint = models["car"]
    plain = MultiLabelInferencer(cfg, checkpoint, device="cpu", thresholds=0)(paths)
    assert all(len(each.labels) == 20 for each in plain)
    values = tuple(0.3 if c % 2 else 1.0 for c in range(20))
    per_class = Thresholds(tuple(reversed(VOC_CATEGORIES)), values, temperature=2.0)
    per_class.save(tmp_path / "thresholds.json")
    for given in (per_class, tmp_path / "thresholds.json", str(tmp_path / "thresholds.json")):
        found = MultiLabelInferencer(cfg, checkpoint, device="cpu", thresholds=given)(paths)
        for each, raw in zip(found, plain, strict=True):
            calibrated = (raw.scores.logit() / 2).sigmoid()
            assert_close(each.scores, calibrated)
            expected = {
                name for c, name in enumerate(reversed(VOC_CATEGORIES))
                if each.scores[19 - c] >= values[c]
            }  # fmt: skip
            assert {label.name for label in each.labels} == expected
    few = Thresholds(tuple(VOC_CATEGORIES[1:]), values[1:])
    with pytest.raises(ValueError, match=r"no threshold for 'aeroplane' \(1 of 20 classes\)"):
        MultiLabelInferencer(cfg, checkpoint, device="cpu", thresholds=few)
    with pytest.raises(ValueError, match=r"1\.5"):
        MultiLabelInferencer(cfg, checkpoint, device="cpu", thresholds=1.5)


def test_head_without_threshold_takes_a_half(
    tiny_voc: Path, paths: list[str], tmp_path: Path
) -> None:
    cfg = make_config("linear", tiny_voc, tmp_path, thr=None, topk=3)
    inferencer = MultiLabelInferencer(cfg, write_checkpoint(cfg, tmp_path / "a.pth"), device="cpu")
    assert inferencer.thresholds.values == (0.5,) * 20


def test_models_and_configs(
    models: dict[str, tuple[Config, str]], paths: list[str], tmp_path: Path
) -> None:
    cfg, checkpoint = models["linear"]
    cfg.dump(tmp_path / "config.py")
    (expected,) = MultiLabelInferencer(tmp_path / "config.py", checkpoint, device="cpu")(paths[0])
    model, classes = load_model(cfg, checkpoint)
    assert_close(MultiLabelInferencer(model)(paths[0])[0].scores, expected.scores)
    del model._config, model._dataset_meta
    again = MultiLabelInferencer(model.train(), config=tmp_path / "config.py", classes=classes)
    assert_close(again(paths[0])[0].scores, expected.scores)
    for options, message in (
        (dict(classes=classes), r"config=None, and the model carries none"),
        (dict(config=cfg), r"classes=None, and the model carries no class names"),
        (dict(checkpoint=checkpoint), r"has no effect on a model that is given as such"),
    ):
        with pytest.raises(ValueError, match=message):
            MultiLabelInferencer(model, **options)
    with pytest.raises(ValueError, match=r"the model scores 20 classes but has 2 names"):
        MultiLabelInferencer(model, config=cfg, classes=["a", "b"])(paths[0])
    with pytest.raises(ValueError, match=r"checkpoint=None leaves model='srdl_r101_voc07'"):
        MultiLabelInferencer("srdl_r101_voc07")
    with pytest.raises(TypeError, match=r"no multi-label classifier"):
        MultiLabelInferencer(nn.Linear(1, 1), config=cfg, classes=["a"])
    with pytest.raises(ValueError, match=r"other classes than those of the argument classes"):
        MultiLabelInferencer(cfg, checkpoint, classes=["a"])
    broken = cfg.copy()
    broken.pop("test_dataloader")
    with pytest.raises(ValueError, match=r"no test_dataloader.dataset.pipeline"):
        MultiLabelInferencer(broken, checkpoint)


def test_checkpoint_without_names(
    models: dict[str, tuple[Config, str]], paths: list[str], tmp_path: Path
) -> None:
    cfg, checkpoint = models["linear"]
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    torch.save(state, tmp_path / "weights.pth")
    bare = str(tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"names no classes.*give the names as classes=\[...\]"):
        MultiLabelInferencer(cfg, bare)
    names = [f"n{c}" for c in range(20)]
    found = MultiLabelInferencer(cfg, bare, device="cpu", classes=names)(paths[0])
    assert found[0].classes == tuple(names)


def test_weights_that_are_broken(models: dict[str, tuple[Config, str]], paths: list[str]) -> None:
    model, _ = load_model(*models["linear"])
    model.head.fc.bias.data[3] = torch.nan
    with pytest.raises(ValueError, match="scores are not finite"):
        MultiLabelInferencer(model)(paths[0])


def test_mistakes(car: MultiLabelInferencer, paths: list[str], tmp_path: Path) -> None:
    for options, message in (
        (dict(classes=["dgo"]), r"no class 'dgo'; did you mean 'dog'\?"),
        (dict(classes=["xyzzy"]), r"no class 'xyzzy'; it has \('aeroplane', .*with a SigRLHead"),
        (dict(classes=["dog", "dog"]), r"names a class twice"),
        (dict(classes="dog"), r"classes='dog' must be a list"),
        (dict(classes=[]), r"classes=\[\] must be a list"),
        (dict(topk=21), r"topk=21 exceeds the number of classes, 20"),
        (dict(topk=0), r"topk=0 must be at least 1"),
        (dict(batch_size=0), r"batch_size=0 must be at least 1"),
        (dict(num_workers=-1), r"num_workers=-1 must be at least 0"),
        (dict(on_error="ignore"), r"on_error='ignore' is unknown"),
        (dict(maps="cam"), r"method='cam' does not fit"),
        (dict(maps="heat"), r"method='heat' is unknown"),
    ):
        with pytest.raises(ValueError, match=message):
            car(paths, **options)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"folder '.*empty' holds no image \(.jpg, "):
        car([*paths, tmp_path / "empty"])
    with pytest.raises(FileNotFoundError, match=r"glob 'nowhere/\*.jpg' holds no image"):
        car("nowhere/*.jpg")
    with pytest.raises(TypeError, match=r"inputs=3 must be a path, a folder"):
        car(3)
    with pytest.raises(TypeError, match=r"inputs holds None, a NoneType"):
        car([None])
    with pytest.raises(RuntimeError, match=r"must be uint8 \[H, W, 3\].*got float64 \[4, 4\]"):
        car(np.zeros((4, 4)))


def test_conventions_of_mmpretrain(car: MultiLabelInferencer, paths: list[str]) -> None:
    assert isinstance(car, BaseInferencer)
    assert mmsrdl.MultiLabelInferencer is MultiLabelInferencer
    assert "srdl_r101_coco" in MultiLabelInferencer.list_models("srdl")
    samples = car(["nowhere.jpg", *paths], return_datasamples=True, on_error="skip")
    assert "FileNotFoundError" in samples[0].error
    for sample, prediction in zip(samples[1:], car(paths), strict=True):
        assert_close(sample.pred_score, prediction.scores)
        names = [VOC_CATEGORIES[i] for i in sample.pred_label]
        assert names == [label.name for label in prediction.labels]
        assert sample.img_path == prediction.path


def test_files_of_predictions(car: MultiLabelInferencer, paths: list[str], tmp_path: Path) -> None:
    found = car([*paths, "nowhere.jpg"], on_error="skip", topk=2)
    write_predictions(iter(found), tmp_path / "new" / "a.jsonl")
    lines = (tmp_path / "new" / "a.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [each.to_dict() for each in found]
    first = json.loads(lines[0])
    assert set(first) == {"path", "labels", "topk", "scores"}
    assert first["labels"][0] == {
        "name": found[0].labels[0].name, "score": found[0].labels[0].score,
    }  # fmt: skip
    assert first["scores"]["dog"] == found[0].scores[VOC_CATEGORIES.index("dog")].item()
    assert set(json.loads(lines[-1])) == {"path", "error"}
    write_predictions(found, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, each in zip(rows[:4], found, strict=False):
        assert row["path"] == each.path
        assert row["labels"].split(";") == [label.name for label in each.labels]
        scores = [float(row[f"score:{name}"]) for name in VOC_CATEGORIES]
        assert_close(torch.tensor(scores), each.scores)
    assert "do not exist" in rows[4]["error"]
    assert rows[4]["score:dog"] == ""
    with pytest.raises(ValueError, match=r"a.txt' of predictions must end with .jsonl or .csv"):
        write_predictions(found, tmp_path / "a.txt")
    with pytest.raises(ValueError, match=r"class 'a;b' holds a ';'"):
        write_predictions([Prediction(None, ("a;b",))], tmp_path / "a.csv")
