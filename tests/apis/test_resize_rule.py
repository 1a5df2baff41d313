import pytest
from mmengine.config import Config

from mmsrdl.apis import ResizeRule, load_config, resize_rule


def config(*steps: dict) -> Config:
    pipeline = [dict(type="LoadImageFromFile"), *steps, dict(type="PackInputs")]
    return Config(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))


@pytest.mark.parametrize(
    ("step", "rule"),
    [
        (dict(type="Resize", scale=(64, 32)), ResizeRule((32, 64), "bilinear", antialias=False)),
        (
            dict(type="Resize", scale=48, interpolation="bicubic", backend="pillow"),
            ResizeRule((48, 48)),
        ),
        (
            dict(type="mmsrdl.TorchResize", scale=(64, 32), interpolation="bilinear"),
            ResizeRule((32, 64), "bilinear"),
        ),
    ],
)
def test_rule_of_a_pipeline(step: dict, rule: ResizeRule) -> None:
    assert resize_rule(config(step)) == rule
    square = resize_rule(config(step), 96)
    assert square == ResizeRule((96, 96), rule.interpolation, rule.antialias)


def test_rule_of_the_papers_config() -> None:
    assert resize_rule(load_config("srdl_r101_voc07")) == ResizeRule((448, 448), "bicubic")


def test_rule_behind_a_wrapper() -> None:
    inner = config(dict(type="Resize", scale=(64, 32))).test_dataloader.dataset
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type="RepeatDataset", dataset=inner))))
    assert resize_rule(cfg).size == (32, 64)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([dict(type="ResizeEdge", scale=64), dict(type="CenterCrop", crop_size=64)],
         "has ResizeEdge, CenterCrop, where one rule"),
        ([dict(type="Resize", scale=64, keep_ratio=True)], "has Resize, where"),
        ([dict(type="Resize", scale=64, interpolation="nearest")], "has Resize, where"),
        ([], "resizes 0 times, where .*--size"),
        ([dict(type="Resize", scale=64)] * 2, "resizes 2 times"),
    ],
)  # fmt: skip
def test_pipelines_of_another_rule(steps: list[dict], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resize_rule(config(*steps))
    assert resize_rule(config(*steps), 80) == ResizeRule((80, 80))


def test_no_pipeline() -> None:
    with pytest.raises(ValueError, match=r"no test_dataloader\.dataset\.pipeline"):
        resize_rule(Config({}))


def test_refused_rules() -> None:
    with pytest.raises(ValueError, match="size=0 must be at least 1"):
        ResizeRule((0, 4))
    with pytest.raises(ValueError, match="interpolation='area' must be one of"):
        ResizeRule((4, 4), "area")
