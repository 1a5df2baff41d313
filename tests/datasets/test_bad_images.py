import copy
import errno
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmsrdl.datasets import MultiLabelDataset, SeededSampler
from mmsrdl.datasets.bad_images import BadImageError, BadImages
from mmsrdl.datasets.transforms import LoadWholeImage
from mmsrdl.evaluation.batch import ScoredBatch
from tests.conftest import write_photos

CLASSES = ["boat", "car", "dog"]
BAD = (2, 5)
SIZE = 8
PIPELINE = [
    {"type": "mmpretrain.LoadImageFromFile"},
    {"type": "mmpretrain.RandomResizedCrop", "scale": 16},
    {"type": "mmpretrain.PackInputs"},
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight images, of which one is cut short and one empty."""
    write_photos(tmp_path, [f"{i}.jpg" for i in range(SIZE)])
    infos = [
        {"img_path": f"{i}.jpg", "gt_label": [i % 3], "gt_label_difficult": []} for i in range(SIZE)
    ]
    content = {"metainfo": {"classes": CLASSES}, "data_list": infos}
    (tmp_path / "ann.json").write_text(json.dumps(content))
    cut = tmp_path / f"{BAD[0]}.jpg"
    cut.write_bytes(cut.read_bytes()[:-200])
    (tmp_path / f"{BAD[1]}.jpg").write_bytes(b"")
    return tmp_path


def build(root: Path, **options: Any) -> MultiLabelDataset:
    defaults: dict = dict(pipeline=PIPELINE, on_bad_image="skip", data_prefix="")
    return MultiLabelDataset("ann.json", data_root=str(root), **{**defaults, **options})


def sample(dataset: MultiLabelDataset, index: int) -> tuple:
    data = dataset[index]
    return data["inputs"].tolist(), data["data_samples"].img_path


def test_the_default_raises_and_names_the_way_out(root: Path) -> None:
    dataset = build(root, on_bad_image="raise")
    with pytest.raises(RuntimeError, match=r"2.jpg'.*the JPEG is cut short") as info:
        dataset[2]
    assert "No image was loaded from the file of" in str(info.value)
    assert str(info.value).endswith("on_bad_image='skip' leaves it out")
    with pytest.raises(RuntimeError, match=r"5.jpg' \(sample 5\): .*the file is empty"):
        dataset[5]


def test_an_unknown_policy(root: Path) -> None:
    with pytest.raises(ValueError, match=r"on_bad_image='ignore' must be one of .*'raise', 'skip'"):
        build(root, on_bad_image="ignore")


def test_another_image_is_drawn_by_seed_epoch_and_index(root: Path) -> None:
    first, second = build(root), build(root)
    for dataset in (first, second):
        dataset.set_epoch(3, 7)
    forward = [sample(first, i) for i in range(SIZE)]
    np.random.seed(1)  # what the process drew before is of no effect
    backward = [sample(second, i) for i in reversed(range(SIZE))]
    assert forward == backward[::-1]
    for index in BAD:
        taken = int(Path(forward[index][1]).stem)
        assert taken not in BAD
        assert first[index]["data_samples"].gt_label.tolist() == [taken % 3]
        assert first[index]["data_samples"].sample_idx == taken
        assert "is_bad_image" not in first[index]["data_samples"]
    drawn = set()
    for epoch in range(10):
        first.set_epoch(epoch, 7)
        drawn.add(sample(first, BAD[0])[1])
    assert len(drawn) > 2


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_draw_and_record_the_same(root: Path, workers: int) -> None:
    dataset, alone = build(root), build(root)
    sampler = SeededSampler(dataset, shuffle=True, seed=3)
    loader: DataLoader = DataLoader(
        dataset, batch_size=2, sampler=sampler, num_workers=workers, collate_fn=pseudo_collate,
        persistent_workers=workers > 0,
    )  # fmt: skip
    for epoch in range(2):
        sampler.set_epoch(epoch)
        alone.set_epoch(epoch, 3)
        seen = [inputs.tolist() for batch in loader for inputs in batch["inputs"]]
        order = list(sampler)
        assert seen == [alone[index]["inputs"].tolist() for index in order]
        assert dataset.bad_images.take() == list(BAD)
    assert dataset.bad_images.take() == []


def test_an_evaluation_marks_what_takes_the_place(root: Path) -> None:
    dataset = build(root, test_mode=True)
    found = [dataset[index]["data_samples"] for index in range(SIZE)]
    marked = [i for i, each in enumerate(found) if each.get("is_bad_image")]
    assert marked == list(BAD)
    assert [each.sample_idx for each in found] == list(range(SIZE))
    assert found[BAD[0]].img_path.endswith("2.jpg")
    assert dataset.bad_images.take() == list(BAD)


def test_every_view_of_test_time_augmentation_is_marked(root: Path) -> None:
    views = [[{"type": "mmpretrain.PackInputs"}]] * 2
    pipeline = [PIPELINE[0], {"type": "mmcv.TestTimeAug", "transforms": views}]
    dataset = build(root, test_mode=True, pipeline=pipeline)
    assert all(each.is_bad_image for each in dataset[BAD[0]]["data_samples"])
    assert not any("is_bad_image" in each for each in dataset[0]["data_samples"])


def test_an_evaluation_without_samples_to_mark(root: Path) -> None:
    dataset = build(root, test_mode=True, pipeline=PIPELINE[:1])
    with pytest.raises(TypeError, match=r"the pipeline packs none: end it with PackInputs"):
        dataset[BAD[0]]


def test_reasons(root: Path) -> None:
    dataset = build(root)
    assert dataset.bad_image_reason(2).startswith("ValueError: the JPEG is cut short")
    assert dataset.bad_image_reason(5) == "ValueError: the file is empty (0 bytes)"
    assert dataset.bad_image_reason(0) == "it could not be loaded before, and now it can"


def test_missing_images_are_skipped_unless_it_is_all(root: Path) -> None:
    (root / "0.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 8 images of MultiLabelDataset do not exist"):
        build(root, on_bad_image="raise")
    dataset = build(root)
    assert sample(dataset, 0)[1] != str(root / "0.jpg")
    assert dataset.bad_image_reason(0).startswith("FileNotFoundError")
    with pytest.raises(FileNotFoundError, match=r"8 of 8 images"):
        build(root, data_prefix="elsewhere")


@pytest.mark.parametrize("test_mode", [False, True])
def test_no_image_can_be_loaded(root: Path, test_mode: bool) -> None:
    for path in root.glob("*.jpg"):
        path.write_bytes(b"")
    dataset = build(root, test_mode=test_mode, max_refetch=5)
    with pytest.raises(RuntimeError, match=r"6 images drawn for sample 0 .* the last: .*is empty"):
        dataset[0]


def test_errors_after_loading_are_raised(root: Path) -> None:
    crop = {"type": "mmsrdl.MultiScaleCrop", "sizes": [4000]}
    dataset = build(root, pipeline=[PIPELINE[0], crop, PIPELINE[2]])
    with pytest.raises(RuntimeError, match=r"the pipeline failed on image '.*0.jpg'"):
        dataset[0]
    assert dataset.bad_images.take() == []


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, "Too many open files")])
def test_the_machines_errors_are_raised(
    root: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> bytes:
        raise error

    monkeypatch.setattr(LoadWholeImage, "_read", fail)
    with pytest.raises(RuntimeError, match=type(error).__name__) as info:
        build(root)[0]
    assert not isinstance(info.value, BadImageError)


def test_a_loader_of_ones_own_is_kept(root: Path) -> None:
    class Own(LoadWholeImage):
        """Another class."""

    dataset = build(root, pipeline=[Own()])
    assert type(dataset.pipeline.transforms[0]) is Own
    assert type(build(root).pipeline.transforms[0]) is LoadWholeImage
    stored = {**PIPELINE[0], "to_float32": True, "color_type": "grayscale"}
    loader = build(root, pipeline=[stored]).pipeline.transforms[0]
    assert loader({"img_path": str(root / "0.jpg")})["img"].dtype == np.float32
    assert loader({"img_path": str(root / "0.jpg")})["img"].ndim == 2


def test_the_record_is_copied_without_its_content(root: Path) -> None:
    record = BadImages()
    record.allocate(4)
    record.add(3)
    copied = copy.deepcopy(record)
    copied.add(1)
    assert (copied.take(), record.take()) == ([1], [3])
    assert copy.deepcopy(build(root))[2] is not None


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(BadImageError(3, "reason", "message")))
    assert (error.index, error.reason, str(error)) == (3, "reason", "message")


def test_bad_images_leave_a_batch() -> None:
    scores = torch.rand(4, 3)
    targets = torch.tensor([[1.0, 0, -1], [0, 1, 0], [1, 1, 1], [0, 0, 1]])
    samples = [
        dict(pred_score=score, gt_score=target, sample_idx=i, is_bad_image=i in (0, 2))
        for i, (score, target) in enumerate(zip(scores, targets, strict=True))
    ]
    batch, number = ScoredBatch.from_samples(samples).without_bad_images()
    assert number == 2
    assert batch.sample_idx.tolist() == [1, 3]
    assert batch.labels()[0].tolist() == targets[[1, 3]].tolist()
    with pytest.raises(ValueError, match="none of the 1 images could be loaded"):
        ScoredBatch.from_samples(samples[:1]).without_bad_images()
