import json

import cv2
import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from mmsrdl.datasets.demo_scenes import (
    CLASSES,
    COLOURS,
    MAX_OCCLUSION,
    OCCLUDED_FROM,
    PARTNERS,
    SMALL_SHARE,
    Scene,
    draw_scene,
    subset_targets,
    write_demo_scenes,
)

NUM_SCENES = 800


def _targets(scenes: list[Scene]) -> np.ndarray:
    targets = np.zeros((len(scenes), len(CLASSES)), dtype=int)
    for row, scene in enumerate(scenes):
        targets[row, [item.label for item in scene.objects]] = 1
    return targets


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(0, "val", index) for index in range(NUM_SCENES)]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict:
    return write_demo_scenes(tmp_path_factory.mktemp("demo") / "scenes", train=12, val=8, seed=3)


def test_same_arguments_same_scene_in_any_order():
    forward = {index: draw_scene(7, "train", index) for index in range(6)}
    backward = {index: draw_scene(7, "train", index) for index in reversed(range(6))}
    for index, scene in forward.items():
        np.testing.assert_array_equal(scene.image, backward[index].image)
        assert scene.objects == backward[index].objects


def test_scene_does_not_touch_global_random_state():
    np.random.seed(5)
    torch.manual_seed(5)
    expected = np.random.rand(), torch.rand(())
    np.random.seed(5)
    torch.manual_seed(5)
    draw_scene(0, "train", 0)
    assert (np.random.rand(), torch.rand(())) == expected


@pytest.mark.parametrize("other", [(1, "train", 0), (0, "val", 0), (0, "train", 1)])
def test_seed_split_and_index_each_change_the_scene(other):
    assert (draw_scene(0, "train", 0).image != draw_scene(*other).image).mean() > 0.5


@pytest.mark.parametrize("size", [48, 96, 200])
def test_image_has_the_size_asked_for(size):
    scene = draw_scene(0, "train", 2, size=size)
    assert scene.image.shape == (size, size, 3)
    assert scene.image.dtype == np.uint8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(seed=-1, split="train", index=0), "seed=-1"),
        (dict(seed=0, split="train", index=-2), "index=-2"),
        (dict(seed=0, split="train", index=0, size=20), "at least 48 pixels, got 20"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_scene(**arguments)


def test_classes_and_numbers_of_objects(scenes):
    numbers = [len(scene.objects) for scene in scenes]
    assert len(set(CLASSES)) == len(CLASSES) >= 12
    assert set(numbers) == {1, 2, 3, 4, 5}
    assert _targets(scenes[:200]).any(axis=0).all()


def test_boxes_lie_inside_the_image_and_hold_the_area(scenes):
    for scene in scenes:
        for item in scene.objects:
            x, y, width, height = item.bbox
            assert 0 <= x < x + width <= 96
            assert 0 <= y < y + height <= 96
            assert 0 < item.area <= width * height


def test_boxes_show_drawn_edges(scenes):
    """Objects are outlined: inside the boxes there is far more contrast than outside."""
    inside, outside = [], []
    for scene in scenes[:100]:
        grey = cv2.cvtColor(scene.image, cv2.COLOR_BGR2GRAY)
        edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
        mask = np.zeros(grey.shape, dtype=bool)
        for item in scene.objects:
            x, y, width, height = item.bbox
            mask[y : y + height, x : x + width] = True
        inside.append(edges[mask].mean())
        outside.append(edges[~mask].mean())
    assert np.mean(inside) > 2 * np.mean(outside)


def test_small_and_occluded_objects(scenes):
    items = [item for scene in scenes for item in scene.objects]
    small = np.array([item.small for item in items])
    area = np.array([item.area for item in items])
    occlusion = np.array([item.occlusion for item in items])
    np.testing.assert_array_equal(small, area < SMALL_SHARE * 96 * 96)
    assert 0.1 < small.mean() < 0.4
    assert 0.08 < (occlusion >= OCCLUDED_FROM).mean() < 0.4
    assert occlusion.min() >= 0
    assert occlusion.max() <= MAX_OCCLUSION


def test_area_does_not_tell_the_class(scenes):
    items = [item for scene in scenes for item in scene.objects]
    areas = np.array([item.area for item in items])
    labels = np.array([item.label for item in items])
    means = np.array([areas[labels == c].mean() for c in range(len(CLASSES))])
    assert means.max() / means.min() < 1.6


def test_documented_partners_come_together_and_apart(scenes):
    targets = _targets(scenes)
    prevalence = targets.mean(axis=0)
    for leader, (partner, probability) in PARTNERS.items():
        a, b = CLASSES.index(leader), CLASSES.index(partner)
        conditional = targets[targets[:, a] == 1, b].mean()
        assert conditional > max(2 * prevalence[b], probability - 0.15)
        assert (targets[:, a] > targets[:, b]).sum() >= 5
        assert (targets[:, b] > targets[:, a]).sum() >= 5


def test_colour_histogram_does_not_tell_the_classes():
    """On the scenes of `make demo`, whose data seed is 1 (half of them)."""

    def histograms(images: list[np.ndarray]) -> np.ndarray:
        bins = [(image // 32).reshape(-1, 3) @ np.array([64, 8, 1]) for image in images]
        return np.stack([np.bincount(b, minlength=512) for b in bins]).astype(np.float32)

    train = [draw_scene(1, "train", index) for index in range(1600)]
    scenes = [draw_scene(1, "val", index) for index in range(NUM_SCENES)]
    scaler = StandardScaler().fit(histograms([scene.image for scene in train]))
    seen = scaler.transform(histograms([scene.image for scene in train]))
    held_out = scaler.transform(histograms([scene.image for scene in scenes]))
    labels, truth = _targets(train), _targets(scenes)
    best = 0.0
    for strength in (1e-4, 1e-3, 1e-2):
        precisions = []
        for c in range(len(CLASSES)):
            model = LogisticRegression(C=strength, max_iter=200).fit(seen, labels[:, c])
            scores = model.decision_function(held_out)
            precisions.append(average_precision_score(truth[:, c], scores))
        best = max(best, 100 * float(np.mean(precisions)))
    print(f"mAP of the colour histogram: {best:.1f}")
    assert best < 55


def test_objects_have_the_colours_that_their_class_may_have():
    allowed = {name: list(COLOURS)[k % 3 : k % 3 + 2] for k, name in enumerate(CLASSES)}
    shown = set()
    for index in range(60):
        scene = draw_scene(0, "train", index, colours=allowed)
        for item in scene.objects:
            assert item.colour in allowed[CLASSES[item.label]]
            x, y, width, height = item.bbox
            if item.area > 300 and item.occlusion < 0.1:
                shown.add(item.colour)
                box = scene.image[y : y + height, x : x + width]
                hsv = cv2.cvtColor(box, cv2.COLOR_BGR2HSV).astype(int)
                away = abs((hsv[..., 0] - 30 * COLOURS[item.colour] + 90) % 180 - 90)
                assert ((away < 8) & (hsv[..., 1] > 40)).mean() > 0.2
    assert shown == set(list(COLOURS)[:4])


def test_scenes_have_no_named_colours_unless_asked_for(scenes):
    assert {item.colour for scene in scenes for item in scene.objects} == {None}


@pytest.mark.parametrize("wrong", [{}, {"boat": []}, {"boat": ["pink"]}])
def test_colours_are_checked(wrong):
    allowed = {name: list(COLOURS) for name in CLASSES if name != "boat"} | wrong
    with pytest.raises(ValueError, match=r"colours\['boat'\] must be some of \['red'"):
        draw_scene(0, "train", 0, colours=allowed)


def test_written_set_loads_as_coco(written):
    for split, number in (("train", 12), ("val", 8)):
        coco = COCO(str(written[f"{split}_ann"]))
        assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == list(CLASSES)
        assert coco.getImgIds() == list(range(1, number + 1))
        for image in coco.loadImgs(coco.getImgIds()):
            pixels = cv2.imread(str(written[split] / image["file_name"]))
            assert pixels.shape == (image["height"], image["width"], 3)
            scene = draw_scene(3, split, image["id"] - 1)
            assert np.abs(pixels.astype(int) - scene.image).mean() < 6
            annotations = coco.loadAnns(coco.getAnnIds(image["id"]))
            assert len(annotations) == len(scene.objects)
            for annotation, item in zip(annotations, scene.objects, strict=True):
                assert annotation["category_id"] == item.label + 1
                assert annotation["bbox"] == list(item.bbox)
                assert annotation["area"] == item.area
                assert annotation["iscrowd"] == 0
                assert annotation["occlusion"] == pytest.approx(item.occlusion, abs=1e-4)


def _stamps(paths: dict) -> dict:
    return {path: path.stat().st_mtime_ns for path in paths["root"].rglob("*") if path.is_file()}


def test_complete_set_is_kept(tmp_path):
    paths = write_demo_scenes(tmp_path, train=3, val=2)
    before = _stamps(paths)
    assert write_demo_scenes(tmp_path, train=3, val=2) == paths
    assert _stamps(paths) == before


def test_other_parameters_rewrite_the_set(tmp_path):
    paths = write_demo_scenes(tmp_path, train=3, val=2)
    write_demo_scenes(tmp_path, train=2, val=2, seed=1)
    assert sorted(path.name for path in paths["train"].iterdir()) == ["000000.jpg", "000001.jpg"]
    assert len(json.loads(paths["train_ann"].read_text())["images"]) == 2


@pytest.mark.parametrize("lost", ["train/000001.jpg", "annotations/instances_val.json"])
def test_lost_file_is_repaired(tmp_path, lost):
    write_demo_scenes(tmp_path, train=3, val=2)
    (tmp_path / lost).unlink()
    write_demo_scenes(tmp_path, train=3, val=2)
    assert (tmp_path / lost).is_file()


def test_interrupted_writing_is_never_taken_as_complete(tmp_path, monkeypatch):
    drawn = []

    def stop_at_third(*args):
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(args)
        return draw_scene(*args)

    with monkeypatch.context() as patch:
        patch.setattr("mmsrdl.datasets.demo_scenes.files.draw_scene", stop_at_third)
        with pytest.raises(KeyboardInterrupt):
            write_demo_scenes(tmp_path, train=4, val=2)
    paths = write_demo_scenes(tmp_path, train=4, val=2)
    assert len(list(paths["train"].glob("*.jpg"))) == 4
    assert json.loads(paths["manifest"].read_text())["complete"] is True


def test_foreign_folder_is_left_alone(tmp_path):
    photo = tmp_path / "train" / "000000.jpg"
    photo.parent.mkdir()
    photo.write_bytes(b"a photograph")
    with pytest.raises(FileExistsError, match="not a demo set"):
        write_demo_scenes(tmp_path, train=1, val=1)
    assert photo.read_bytes() == b"a photograph"


def test_number_of_scenes_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match="train=0"):
        write_demo_scenes(tmp_path, train=0, val=1)


@pytest.fixture
def ann_file(tmp_path):
    def item(image_id: int, category_id: int, area: int, occlusion: float) -> dict:
        return dict(
            id=1, image_id=image_id, category_id=category_id, area=area, occlusion=occlusion
        )

    content = dict(
        images=[dict(id=i, width=100, height=100) for i in (4, 9)],
        categories=[dict(id=1, name="boat"), dict(id=2, name="car"), dict(id=3, name="fish")],
        annotations=[
            item(4, 1, 100, 0.0),
            item(4, 1, 900, 0.5),
            item(4, 2, 100, 0.4),
            item(9, 2, 900, 0.25),
            item(9, 3, 100, 0.1),
        ],
    )
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("small", [[1, -1, 0], [0, 1, -1]]),
        ("occluded", [[-1, 1, 0], [0, 1, -1]]),
    ],
)
def test_subset_targets(ann_file, kind, expected):
    """Rows come as images 9 and 4, columns as fish, car and boat."""
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    subset = subset_targets(targets, ann_file, ["fish", "car", "boat"], [9, 4], kind)
    torch.testing.assert_close(subset, torch.tensor(expected, dtype=torch.float32))


def test_subset_targets_keeps_unknown_labels(ann_file):
    targets = torch.full((2, 3), -1)
    subset = subset_targets(targets, ann_file, ["boat", "car", "fish"], [4, 9])
    torch.testing.assert_close(subset, targets)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(kind="tiny"), "kind must be 'small' or 'occluded', got 'tiny'"),
        (dict(image_ids=[4]), r"got \(2, 3\)"),
        (dict(image_ids=[4, 5]), r"image_ids.*\[5\]"),
    ],
)
def test_subset_targets_wrong_arguments(ann_file, change, message):
    arguments = dict(classes=["boat", "car", "fish"], image_ids=[4, 9], kind="small")
    with pytest.raises(ValueError, match=message):
        subset_targets(torch.ones(2, 3), ann_file, **{**arguments, **change})


def test_small_kind_agrees_with_the_flags(written):
    scenes = [draw_scene(3, "val", index) for index in range(8)]
    targets = torch.tensor(_targets(scenes))
    subset = subset_targets(targets, written["val_ann"], CLASSES, range(1, 9))
    for row, scene in enumerate(scenes):
        for item in scene.objects:
            same = [other.small for other in scene.objects if other.label == item.label]
            assert subset[row, item.label] == (1 if all(same) else -1)
