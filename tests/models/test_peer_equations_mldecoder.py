"""ML-Decoder against slow loops that a second reader wrote, in value and gradient."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import ClassFeatureHead
from tests.models.test_peer_equations_q2l import EXACT, decoder_layer
from tests.reference import mldecoder as ref


def make_head(num_classes: int, num_groups: int) -> ClassFeatureHead:
    """A head in float64 without dropout: D = 6, d = 4, weights all over the place."""
    torch.manual_seed(0)
    head = ClassFeatureHead(
        num_classes=num_classes,
        in_channels=6,
        attention=dict(
            type="mmsrdl.GroupDecoder", num_groups=num_groups, hidden_channels=4, num_heads=2,
            feedforward_channels=5, dropout=0.0,
        ),
        classifier=dict(type="mmsrdl.GroupClassifier"),
    ).double()  # fmt: skip
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    return head


def reference(head: ClassFeatureHead, feature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    decoder, phi = head.attention, head.classifier
    return ref.ml_decoder(
        feature,
        decoder.queries,
        decoder.input_proj.weight,
        decoder.input_proj.bias,
        decoder_layer(decoder.layer),
        phi.weight,
        phi.bias,
        2,
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("num_classes", "num_groups", "size"),
    [(3, 100, (2, 3)), (5, 3, (2, 2)), (7, 6, (1, 3)), (4, 1, (3, 2)), (1, 1, (1, 1))],
)
def test_values_and_gradients(
    num_classes: int, num_groups: int, size: tuple[int, int], training: bool
) -> None:
    head = make_head(num_classes, num_groups).train(training)
    feature = torch.randn(2, 6, *size, dtype=torch.float64, requires_grad=True)
    logits, decoded, weights = reference(head, feature)
    assert logits.shape == (2, num_classes)
    assert_close(head((feature,)), logits, **EXACT)
    assert_close(head.score(feature, head.label_side()).pooled, decoded, **EXACT)
    share = ref.group_size(num_classes, decoded.shape[1])
    of_class = torch.arange(num_classes) // share
    maps = head.attend((feature,)).spatial_map()
    assert_close(maps, weights.mean(1)[:, of_class].unflatten(2, size), **EXACT)
    seed = torch.randn_like(logits)
    names = ["feature", *(name for name, p in head.named_parameters() if p.requires_grad)]
    wanted = [feature, *(p for p in head.parameters() if p.requires_grad)]
    ours, theirs = (
        torch.autograd.grad((seed * z).sum(), wanted) for z in (head((feature,)), logits)
    )
    for name, one, other in zip(names, ours, theirs, strict=True):
        assert_close(one, other, **EXACT, msg=lambda text, name=name: f"{name}: {text}")


def test_the_queries_do_not_learn() -> None:
    head = make_head(3, 3)
    assert [n for n, p in head.named_parameters() if not p.requires_grad] == ["attention.queries"]
    assert "attention.queries" in head.state_dict()
