from mmpretrain.datasets.categories import VOC2007_CATEGORIES

from mmsrdl.datasets import COCO_CATEGORIES, VOC_CATEGORIES


def test_voc_names_equal_mmpretrains() -> None:
    assert VOC_CATEGORIES == VOC2007_CATEGORIES


def test_coco_names_are_in_category_id_order() -> None:
    assert len(set(COCO_CATEGORIES)) == 80
    # Category ids 1, 2, 13 (after the gap at 12), 44 and 90 of the official json.
    assert [COCO_CATEGORIES[i] for i in (0, 1, 11, 39, 79)] == [
        "person",
        "bicycle",
        "stop sign",
        "bottle",
        "toothbrush",
    ]
