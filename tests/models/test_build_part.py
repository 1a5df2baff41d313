import pytest
from mmengine.registry import DefaultScope
from torch import nn

from mmsrdl.models import ClassFeatureHead, DynamicGCN, SemanticAttention
from mmsrdl.models.build_part import build_part
from mmsrdl.registry import MODELS

SD = dict(type="mmsrdl.SemanticDecoupling", hidden_channels=4)
SAM = dict(type="mmsrdl.SemanticAttention", out_channels=4)


def make(**options: object) -> ClassFeatureHead:
    config = dict(num_classes=3, in_channels=8, attention=SAM)
    return ClassFeatureHead(**{**config, **options})


@pytest.mark.parametrize("scope", ["mmengine", "mmpretrain", "mmsrdl"])
@pytest.mark.parametrize("prefix", ["", "mmsrdl."])
def test_parts_need_no_prefix(scope: str, prefix: str) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        head = make(
            attention=dict(type=f"{prefix}SemanticAttention", out_channels=4),
            relation=dict(type=f"{prefix}DynamicGCN"),
        )
    assert isinstance(head.attention, SemanticAttention)
    assert isinstance(head.relation, DynamicGCN)


def test_parts_of_the_scope_come_first() -> None:
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        assert build_part("loss", dict(type="AsymmetricLoss", gamma_neg=3.0)).gamma_neg == 3
    cfg = dict(type="AsymmetricLoss", gamma_neg=3.0, _scope_="mmpretrain")
    assert build_part("loss", cfg).gamma_neg == 3
    assert cfg["_scope_"] == "mmpretrain"


def test_a_part_gets_what_it_names_and_lacks() -> None:
    class Part(nn.Module):
        def __init__(self, num_classes: int, in_channels: int = 7) -> None:
            super().__init__()
            self.sizes = num_classes, in_channels

    known = dict(num_classes=3, in_channels=None, embed_dims=5)
    assert build_part("relation", dict(type=Part), **known).sizes == (3, 7)
    assert build_part("relation", dict(type=Part, num_classes=4), **known).sizes == (4, 7)


def test_a_part_may_take_any_argument() -> None:
    def part(**options: object) -> dict:
        return options

    assert build_part("relation", dict(type=part, width=3), num_classes=2) == dict(width=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(attention=dict(SAM, type="mmsrdl.SemanticAtention")), "nearest: 'mmsrdl.SemanticAtt"),
        (
            dict(relation=dict(type="DynamcGCN")),
            r"relation\.type='DynamcGCN' .*'mmsrdl.DynamicGCN'",
        ),
        (dict(classifier=dict(type="mine.Zyx")), r"classifier\.type='mine\.Zyx'.* is the module"),
    ],
)
def test_unknown_type(options: dict, message: str) -> None:
    with (
        DefaultScope.overwrite_default_scope("mmpretrain"),
        pytest.raises(ValueError, match=message),
    ):
        make(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(attention=SD), "SemanticDecoupling as attention needs embed_dims: .*an embedder"),
        (dict(embedder=dict(type="mmsrdl.GCNLabelEmbedder")), r"set embedder\.classes"),
        (dict(attention=dict(SAM, out_chanels=3)), r"attention\.out_chanels=3.*: out_channels$"),
        (dict(attention=dict(SAM, zzz=3)), "takes no zzz; it takes .*out_channels"),
        (dict(relation="DynamicGCN"), "relation='DynamicGCN' must be a dict with the type"),
        (dict(relation=dict(norm_cfg=None)), r"relation=\{'norm_cfg': None\} must be a dict"),
    ],
)
def test_wrong_arguments(options: dict, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make(**options)


def test_every_part_of_ours_is_suggested() -> None:
    assert {"DynamicGCN", "GroupClassifier", "QueryDecoder"} <= set(MODELS.module_dict)
