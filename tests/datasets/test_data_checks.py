"""Labels that mean nothing, data sets without labels, images that are missing or damaged."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.dataset import ConcatDataset
from torch.utils.data import DataLoader

from mmsrdl.datasets import CocoMultiLabel, MultiLabelDataset, VOCMultiLabel
from tests.datasets.conftest import CLASSES, write_images

LOAD = [{"type": "mmpretrain.LoadImageFromFile"}]


def build(root: Path, **kwargs: Any) -> MultiLabelDataset:
    options = {"data_root": str(root), "ann_file": "ann.json", "data_prefix": "images"}
    return MultiLabelDataset(**{**options, **kwargs})


@pytest.fixture
def write_labels(tmp_path: Path) -> Callable[..., Path]:
    """Write an OpenMMLab json of the given labels, and its images."""

    def write(*labels: Any, **fields: list) -> Path:
        names = [f"{i}.jpg" for i in range(len(labels))]
        write_images(tmp_path / "images", names)
        entries = [
            {"img_path": name, "gt_label": label, **{k: v[i] for k, v in fields.items()}}
            for i, (name, label) in enumerate(zip(names, labels, strict=True))
        ]
        content = {"metainfo": {"classes": CLASSES}, "data_list": entries}
        (tmp_path / "ann.json").write_text(json.dumps(content))
        return tmp_path

    return write


class TestLabels:
    @pytest.mark.parametrize("label", [3, -1, True, 1.0, "dog", "cat", None, [0]])
    def test_no_index(self, label: Any, write_labels: Callable[..., Path]) -> None:
        root = write_labels([0], [label, 1, label], [label])
        with pytest.raises(ValueError, match="outside the 3 classes") as info:
            build(root)
        text = str(info.value)
        assert f"label {label!r} of image '{root}/images/1.jpg'" in text
        assert f"3 such labels in 2 of 3 images: {[label] * 3}" in text
        assert "metainfo=dict(classes=[...])" in text
        assert ("(it is the name of class 2)" in text) == (label == "dog")

    def test_of_difficult_objects(self, write_labels: Callable[..., Path]) -> None:
        root = write_labels([0], [1], gt_label_difficult=[[], [5]])
        with pytest.raises(ValueError, match=r"label 5 of image .*1 such labels in 1 of 2 images:"):
            build(root)

    def test_only_the_first_are_listed(self, write_labels: Callable[..., Path]) -> None:
        with pytest.raises(ValueError, match=r"11, 12\] and 7 more\. Mend"):
            build(write_labels(list(range(20))))

    def test_rows_of_zeros_and_ones(self, write_labels: Callable[..., Path]) -> None:
        with pytest.raises(ValueError, match=r"zeros and ones, \[0, 1, 0\]; give the indices"):
            build(write_labels([0, 1, 0], [1, 0, 1]))

    def test_coco_counts(self, write_coco: Any) -> None:
        root = write_coco({"a.jpg": ["zebra", "dog", "zebra"], "b.jpg": ["zebra"], "c.jpg": []})
        with pytest.raises(
            ValueError, match=r"\['zebra'\], 3 annotations in 2 images.*there: \['cat'\]\. Give"
        ):
            CocoMultiLabel(
                data_root=str(root),
                ann_file="instances.json",
                metainfo={"classes": ["dog", "apple", "cat"]},
            )

    def test_voc_counts(self, voc_root: Path) -> None:
        with pytest.raises(
            ValueError,
            match=r"object 'dog' of '.*000001.xml'.* in all 5 objects in 4 of 4 images, of "
            r"\['aeroplane', 'cat', 'dog', 'sofa'\]\. Add the classes to metainfo",
        ):
            VOCMultiLabel(str(voc_root), metainfo={"classes": ["person"]})


class TestNoLabels:
    def test_none(self, write_labels: Callable[..., Path]) -> None:
        with pytest.raises(
            ValueError,
            match=r"none of the 2 images of MultiLabelDataset is positive for any class: nothing "
            r"can be learned or measured. Check that '.*ann.json' is a labeled split",
        ):
            build(write_labels([], []))

    def test_only_difficult(self, write_labels: Callable[..., Path]) -> None:
        with pytest.raises(ValueError, match=r"\(2 have labels that are left out\): nothing"):
            build(write_labels([], [], gt_label_difficult=[[0], [1, 2]]))

    @pytest.mark.parametrize("test_mode", [True, False])
    def test_voc(self, test_mode: bool, voc_root: Path) -> None:
        (voc_root / "ImageSets/Main/test.txt").write_text("000003\n")
        with pytest.raises(ValueError, match="none of the 1 images of VOCMultiLabel is positive"):
            VOCMultiLabel(str(voc_root), split="test", test_mode=test_mode)

    def test_two_classes_as_zeros_and_ones(self, write_labels: Callable[..., Path]) -> None:
        root = write_labels([1, 0], [0, 1])
        content = json.loads((root / "ann.json").read_text())
        content["metainfo"]["classes"] = ["cat", "dog"]
        (root / "ann.json").write_text(json.dumps(content))
        with pytest.raises(
            ValueError, match=r"is a row of 2 zeros and ones, \[1, 0\]; give the in"
        ):
            build(root)

    def test_coco(self, write_coco: Any) -> None:
        root = write_coco({"a.jpg": []})
        options = {"data_root": str(root), "ann_file": "instances.json", "filter_empty": False}
        with pytest.raises(ValueError, match="none of the 1 images of CocoMultiLabel is positive"):
            CocoMultiLabel(**options, metainfo={"classes": ["dog"]})

    def test_classes_without_a_positive_are_named_once(
        self, write_labels: Callable[..., Path], warnings: list[str]
    ) -> None:
        root = write_labels([2], [2], [])
        assert len(build(root)) == 3
        assert warnings == [
            f"MultiLabelDataset: 2 of 3 classes have no positive image in '{root}/ann.json', "
            "which can teach or measure nothing of them: ['zebra', 'apple']"
        ]

    def test_only_ten_classes_are_named(
        self, write_labels: Callable[..., Path], warnings: list[str]
    ) -> None:
        classes = ["zebra", "apple", "dog", *(f"c{i}" for i in range(12))]
        build(write_labels([0]), metainfo={"classes": classes})
        assert "14 of 15 classes have no positive image" in warnings[0]
        assert warnings[0].endswith("'c7'] and 4 more")

    def test_no_word_where_all_occur(self, openmmlab_root: Path, warnings: list[str]) -> None:
        build(openmmlab_root)
        assert warnings == []


class TestMissingImages:
    def test_counted_and_the_first_ten_named(self, write_labels: Callable[..., Path]) -> None:
        root = write_labels(*[[0, 1, 2]] * 14)
        for number in range(1, 14):
            (root / f"images/{number}.jpg").unlink()
        with pytest.raises(FileNotFoundError) as info:
            build(root, pipeline=LOAD)
        text = str(info.value)
        assert "13 of 14 images of MultiLabelDataset do not exist" in text
        assert all(f"images/{number}.jpg" in text for number in range(1, 11))
        assert "images/11.jpg" not in text
        assert "and 3 more" in text
        assert f"under data_prefix '{root}/images' (data_root '{root}'): mend data_root" in text
        assert "check_files=False" in text

    @pytest.mark.parametrize("cls", [CocoMultiLabel, VOCMultiLabel])
    def test_in_all_formats(self, cls: type, write_coco: Any, voc_root: Path) -> None:
        if cls is CocoMultiLabel:
            root = write_coco({"a.jpg": ["dog"], "b.jpg": ["dog", "zebra", "apple"]})
            options = {"ann_file": "instances.json", "metainfo": {"classes": CLASSES}}
        else:
            root, options = voc_root, {}
        with pytest.raises(FileNotFoundError, match=rf"images of {cls.__name__} do not exist"):
            cls(data_root=str(root), **options, pipeline=LOAD, data_prefix={"img_path": "none"})

    def test_what_is_not_checked(self, write_labels: Callable[..., Path]) -> None:
        root = write_labels([0], [1], [2])
        (root / "images/2.jpg").unlink()
        assert len(build(root, pipeline=LOAD, check_files=False)) == 3
        assert len(build(root)) == 3  # nothing reads the images
        assert len(build(root, pipeline=LOAD, indices=2)) == 2
        stored = [{**LOAD[0], "backend_args": {"backend": "http"}}]
        assert len(build(root, pipeline=stored)) == 3
        assert len(build(root, pipeline=LOAD, indices=[0, 1])) == 2
        lazy = build(root, pipeline=LOAD, lazy_init=True)
        with pytest.raises(FileNotFoundError, match="1 of 3 images"):
            lazy.full_init()

    def test_addresses(self, tmp_path: Path) -> None:
        image = {"img_path": "https://example.org/a.jpg", "gt_label": [0]}
        path = tmp_path / "ann.json"
        path.write_text(json.dumps({"metainfo": {"classes": ["a"]}, "data_list": [image]}))
        dataset = MultiLabelDataset(str(path), pipeline=LOAD)
        assert dataset.get_data_info(0)["img_path"] == image["img_path"]

    def test_each_folder_is_listed_once(
        self, write_labels: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = write_labels(*[[0, 1, 2]] * 5)
        listed, asked = [], []
        listdir, exists = os.listdir, os.path.exists
        monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or listdir(path))
        monkeypatch.setattr(os.path, "exists", lambda path: asked.append(path) or exists(path))
        build(root, pipeline=LOAD)
        assert listed == [str(root / "images")]
        assert not [path for path in asked if str(path).endswith(".jpg")]

    def test_folder_that_may_not_be_listed(
        self, write_labels: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: str) -> list[str]:
            raise PermissionError(path)

        root = write_labels([0, 1, 2])
        monkeypatch.setattr(os, "listdir", refuse)
        assert len(build(root, pipeline=LOAD)) == 1

    def test_parts_of_a_concatenation(self, openmmlab_root: Path) -> None:
        parts = [build(openmmlab_root, pipeline=LOAD, indices=n) for n in (3, 8)]
        whole = ConcatDataset(parts)
        assert len(whole) == 11
        assert whole[4]["gt_label"] == [1]
        assert whole.metainfo["classes"] == CLASSES


JPEG_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


class TestDamagedImages:
    @pytest.mark.parametrize("backend", ["cv2", "pillow"])
    @pytest.mark.parametrize(
        "content", [b"", JPEG_START, b"<html>404</html>"], ids=["empty", "truncated", "no image"]
    )
    def test_path_and_mend(
        self, content: bytes, backend: str, write_labels: Callable[..., Path]
    ) -> None:
        root = write_labels([0, 1, 2])
        (root / "images/0.jpg").write_bytes(content)
        dataset = build(root, pipeline=[{**LOAD[0], "imdecode_backend": backend}])
        with pytest.raises(RuntimeError) as info:
            dataset[0]
        text = str(info.value)
        assert f"failed on image '{root}/images/0.jpg' (sample 0): " in text
        assert f"No image was loaded from the file of {len(content)} bytes" in text
        assert f"fetch it again or take it out of '{root}/ann.json'" in text

    def test_reaches_the_user_from_a_worker(self, write_labels: Callable[..., Path]) -> None:
        root = write_labels([0, 1, 2])
        (root / "images/0.jpg").write_bytes(JPEG_START)
        loader = DataLoader(build(root, pipeline=LOAD), num_workers=1, collate_fn=list)
        with pytest.raises(RuntimeError, match=r"(?s)worker process 0.*images/0.jpg' \(sample 0\)"):
            next(iter(loader))

    def test_a_later_transform_is_not_called_damage(
        self, write_labels: Callable[..., Path]
    ) -> None:
        crop = {"type": "mmsrdl.MultiScaleCrop", "sizes": (999,)}
        dataset = build(write_labels([0, 1, 2]), pipeline=[*LOAD, crop])
        with pytest.raises(RuntimeError, match=r"images/0.jpg' .*ValueError: sizes holds") as info:
            dataset[0]
        assert "No image was loaded" not in str(info.value)
