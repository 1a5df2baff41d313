import os
from pathlib import Path
from typing import Any

import pytest
from mmengine.dataset import default_collate
from mmpretrain.evaluation import VOCMultiLabelMetric

from mmsrdl.datasets import VOC_CATEGORIES, MultiLabelDataset, VOCMultiLabel

PERSON, DOG, CAT, SOFA = (VOC_CATEGORIES.index(n) for n in ("person", "dog", "cat", "sofa"))


def labels_of(dataset: VOCMultiLabel) -> list[tuple[list[int], list[int]]]:
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(info["gt_label"], info["gt_label_difficult"]) for info in infos]


NEGATIVE = [([DOG], []), ([CAT], []), ([], []), ([0, PERSON], [])]
POSITIVE = [([DOG, PERSON], []), ([CAT], []), ([SOFA], []), ([0, PERSON], [])]
UNKNOWN = [([DOG], [PERSON]), ([CAT], []), ([], [SOFA]), ([0, PERSON], [])]


@pytest.mark.parametrize(
    ("difficult", "test_mode", "expected"),
    [
        (None, False, NEGATIVE),
        (None, True, UNKNOWN),
        ("negative", True, NEGATIVE),
        ("positive", False, POSITIVE),
        ("positive", True, POSITIVE),
        ("unknown", False, UNKNOWN),
    ],
)
def test_difficult_policies(
    voc_root: Path, difficult: str | None, test_mode: bool, expected: Any
) -> None:
    dataset = VOCMultiLabel(str(voc_root), difficult=difficult, test_mode=test_mode)
    assert labels_of(dataset) == expected
    scores = dataset.get_gt_labels()
    assert scores.shape == (4, 20)
    for score, (positive, left_out) in zip(scores, expected, strict=True):
        assert (score == 1).nonzero()[0].tolist() == positive
        assert (score == -1).nonzero()[0].tolist() == left_out


def test_difficult_objects_are_not_unknown(voc_root: Path) -> None:
    """Metrics may count them, under the protocols of papers that do; by both readers of VOC."""
    for dataset in (
        VOCMultiLabel(str(voc_root), test_mode=True),
        MultiLabelDataset(
            "ImageSets/Main/trainval.txt",
            format="voc",
            data_root=str(voc_root),
            metainfo=VOCMultiLabel.METAINFO,
            test_mode=True,
        ),
    ):
        infos = [dataset.get_data_info(i) for i in range(4)]
        assert [info["gt_label_difficult"] for info in infos] == [left for _, left in UNKNOWN]
        assert not any("gt_label_unknown" in info for info in infos)


@pytest.mark.parametrize(("split", "names"), [("train", "12"), ("val", "34")])
def test_splits(voc_root: Path, split: str, names: str) -> None:
    dataset = VOCMultiLabel(str(voc_root), split=split)
    paths = [dataset.get_data_info(i)["img_path"] for i in range(len(dataset))]
    assert paths == [str(voc_root / f"JPEGImages/00000{name}.jpg") for name in names]


def test_own_list_of_images(voc_root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("000004\n")
    dataset = VOCMultiLabel(str(voc_root), ann_file=str(tmp_path / "mine.txt"))
    assert labels_of(dataset) == NEGATIVE[3:]


def test_stock_voc_metric_reads_the_labels(voc_root: Path) -> None:
    keys = ("sample_idx", "gt_label_difficult")
    pipeline = [
        {"type": "mmpretrain.LoadImageFromFile"},
        {"type": "mmpretrain.PackInputs", "meta_keys": keys},
    ]
    dataset = VOCMultiLabel(str(voc_root), pipeline=pipeline, test_mode=True)
    batch = default_collate([dataset[i] for i in range(4)])
    metric = VOCMultiLabelMetric(average=None)
    samples = [s.set_pred_score(s.gt_score.clone()).to_dict() for s in batch["data_samples"]]
    metric.process(None, samples)
    stored = [result["gt_score"].tolist() for result in metric.results]
    assert stored == dataset.get_gt_labels().tolist()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"split": "dev"}, "split must be one of .*'dev'"),
        ({"difficult": "ignore"}, "difficult must be None or one of .*'ignore'"),
        ({"metainfo": {"classes": ["dog"]}}, r"object 'person' of '.*000001.xml'.*metainfo"),
    ],
)
def test_wrong_arguments_are_refused(voc_root: Path, kwargs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VOCMultiLabel(str(voc_root), **kwargs)


@pytest.mark.parametrize("missing", ["Annotations/000002.xml", "ImageSets/Main/trainval.txt"])
def test_missing_files_say_what_is_expected(voc_root: Path, missing: str) -> None:
    (voc_root / missing).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{missing}' does not exist.*ImageSets/Main"):
        VOCMultiLabel(str(voc_root))


ENTITY = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ENTITY.encode(), "declares a DOCTYPE or ENTITY"),
        (ENTITY.encode("utf-16"), "UTF-8"),
        (ENTITY.encode("utf-16-le"), "NUL characters"),
        (b"<annotation><object>", "is not valid XML"),
    ],
)
def test_annotations_that_are_not_plain_xml_are_refused(
    voc_root: Path, content: bytes, message: str
) -> None:
    (voc_root / "Annotations/000001.xml").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        VOCMultiLabel(str(voc_root))


def test_xml_declaration_and_byte_order_mark_are_read(voc_root: Path) -> None:
    path = voc_root / "Annotations/000001.xml"
    path.write_bytes(b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>' + path.read_bytes())
    assert labels_of(VOCMultiLabel(str(voc_root))) == NEGATIVE


def test_empty_split_is_refused(voc_root: Path) -> None:
    (voc_root / "ImageSets/Main/test.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"VOCMultiLabel is empty.*test.txt' lists no image"):
        VOCMultiLabel(str(voc_root), split="test")


@pytest.mark.skipif("MMSRDL_DATA" not in os.environ, reason="MMSRDL_DATA is not set")
@pytest.mark.parametrize(("split", "count"), [("train", 2500), ("val", 1000)])
def test_real_photographs(split: str, count: int) -> None:
    dataset = VOCMultiLabel(
        os.path.join(os.environ["MMSRDL_DATA"], "voc/VOCdevkit/VOC2007"),
        split=split,
        test_mode=True,
        pipeline=[{"type": "mmpretrain.LoadImageFromFile"}],
    )
    assert len(dataset) == count
    assert min(dataset[0]["img"].shape[:2]) == 256
    labels = dataset.get_gt_labels()
    assert (labels == 1).any(0).all()
    assert (labels == -1).any()


def test_difficult_is_zero_or_one(voc_root: Path) -> None:
    path = voc_root / "Annotations" / "000001.xml"
    path.write_text(path.read_text().replace("<difficult>1<", "<difficult>False<"))
    message = r"000001.xml' has an object 'person' with <difficult>False</difficult>; write 0 or 1"
    with pytest.raises(ValueError, match=message):
        VOCMultiLabel(str(voc_root))


@pytest.mark.parametrize("line", ["000001 -1", "000001.jpg"])
def test_lists_of_bare_names(line: str, voc_root: Path) -> None:
    (voc_root / "ImageSets/Main/train.txt").write_text(line + "\n")
    with pytest.raises(ValueError, match=rf"bare image names.* got \['{line}'\] \(line 1\);"):
        VOCMultiLabel(str(voc_root), split="train")


def test_a_part_of_the_classes(voc_root: Path) -> None:
    options = dict(metainfo={"classes": ["person", "cat"]})
    with pytest.raises(ValueError, match=r"is not among the classes.*ignore_other_classes=True"):
        VOCMultiLabel(str(voc_root), **options)
    dataset = VOCMultiLabel(str(voc_root), **options, ignore_other_classes=True)
    assert labels_of(dataset) == [([], []), ([1], []), ([], []), ([0], [])]
