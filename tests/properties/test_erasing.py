"""Where object erasing erases, whatever the attention."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import CARAttention, ObjectErasing, SemanticAttention, SemanticDecoupling
from mmsrdl.models.attention import AttentionMaps, ClassAttention
from mmsrdl.models.erasing import erased_region, marginal_run
from tests.properties.strategies import maps, scored
from tests.reference.oe import erased_mask

ALPHAS = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1))
REGIONS = st.sampled_from(["rectangle", "cross"])


def has_one_peak(plane: Tensor) -> bool:
    """Whether each marginal has its maximum once: then only one run holds it."""
    return all((plane.amax(dim) == plane.max()).sum() == 1 for dim in (-1, -2))


@given(spatial=maps(), alpha=ALPHAS, region=REGIONS)
def test_region_is_that_of_the_loops(spatial: Tensor, alpha: float, region: str) -> None:
    for plane in spatial:
        loops = erased_mask(plane, alpha, region)
        assert torch.equal(erased_region(plane, alpha, region), loops)


@given(spatial=maps(), alpha=ALPHAS)
def test_rectangle_is_one_and_lies_in_the_cross(spatial: Tensor, alpha: float) -> None:
    rectangle, cross = (erased_region(spatial, alpha, name) for name in ("rectangle", "cross"))
    rows, columns = rectangle.any(-1), rectangle.any(-2)
    assert torch.equal(rectangle, rows[..., None] & columns[..., None, :])
    for line in (*rows, *columns):
        places = line.nonzero().flatten()
        assert not len(places) or places[-1] - places[0] + 1 == len(places)
    assert (rectangle <= cross).all()


@given(spatial=maps(), alpha=ALPHAS)
def test_the_peak_is_erased(spatial: Tensor, alpha: float) -> None:
    for plane in spatial:
        if has_one_peak(plane) and plane.numel() > 1:
            assert erased_region(plane, alpha).flatten()[plane.argmax()]


@given(spatial=maps(), low=ALPHAS, high=ALPHAS, region=REGIONS)
def test_a_higher_alpha_erases_no_more(
    spatial: Tensor, low: float, high: float, region: str
) -> None:
    low, high = min(low, high), max(low, high)
    for plane in spatial:
        if has_one_peak(plane):  # of several, another one may have the longest run
            assert (erased_region(plane, high, region) <= erased_region(plane, low, region)).all()


@given(spatial=maps(), above=st.floats(1.001, 100), region=REGIONS)
def test_nothing_reaches_an_alpha_above_1(spatial: Tensor, above: float, region: str) -> None:
    assert not erased_region(spatial, above, region).any()


@given(spatial=maps(), alpha=ALPHAS, region=REGIONS, power=st.integers(-20, 20))
def test_scale_does_not_matter(spatial: Tensor, alpha: float, region: str, power: int) -> None:
    spatial = torch.where(spatial < 1e-20, 0, spatial)  # the scale takes nothing below the normal
    same = erased_region(spatial * 2.0**power, alpha, region)
    assert torch.equal(same, erased_region(spatial, alpha, region))


@given(spatial=maps(), alpha=ALPHAS, region=REGIONS)
def test_turning_the_map_turns_the_region(spatial: Tensor, alpha: float, region: str) -> None:
    erased = erased_region(spatial, alpha, region)
    assert torch.equal(erased_region(spatial.mT, alpha, region), erased.mT)
    for plane, mask in zip(spatial, erased, strict=True):
        if has_one_peak(plane):  # of several equal runs the first is kept
            assert torch.equal(erased_region(plane.flip(1), alpha, region), mask.flip(1))


@given(spatial=maps(planes=3), alpha=ALPHAS, region=REGIONS)
def test_every_map_is_on_its_own(spatial: Tensor, alpha: float, region: str) -> None:
    alone = torch.stack([erased_region(plane, alpha, region) for plane in spatial])
    assert torch.equal(erased_region(spatial, alpha, region), alone)
    nested = spatial[None].expand(2, -1, -1, -1)
    assert torch.equal(erased_region(nested, alpha, region), alone[None].expand(2, -1, -1, -1))


@given(spatial=maps(), alpha=ALPHAS)
def test_a_run_has_no_gap_and_all_above(spatial: Tensor, alpha: float) -> None:
    marginal = spatial[:, 0]
    run = marginal_run(marginal, alpha)
    assert not (run & (marginal < alpha)).any()
    for values, inside in zip(marginal, run, strict=True):
        assert bool(inside.any()) == bool(values.max() >= alpha)
        places = inside.nonzero().flatten()
        for next_to in (places.min() - 1, places.max() + 1) if len(places) else ():
            assert not 0 <= next_to < len(values) or values[next_to] < alpha


@given(pair=scored(max_classes=8), topk=st.integers(1, 10))
def test_the_highest_classes_are_chosen(pair: tuple[Tensor, Tensor], topk: int) -> None:
    logits, target = pair
    images, classes = logits.shape
    chosen = ObjectErasing(topk=topk).select(logits)
    assert chosen.shape == (images, min(topk, classes))
    is_chosen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, chosen, True)
    assert (is_chosen.sum(1) == min(topk, classes)).all()
    for scores, mask in zip(logits, is_chosen, strict=True):
        assert mask.all() or scores[mask].min() >= scores[~mask].max()
    kept = ObjectErasing(topk=topk, era_classes="selected").targets(target, chosen)
    assert torch.equal(kept[is_chosen], target[is_chosen])
    assert (kept[~is_chosen] == -1).all()


CLASSES, CHANNELS, VECTORS = 3, 4, 5


def attentions() -> list[ClassAttention]:
    torch.manual_seed(0)
    return [
        CARAttention(CHANNELS, VECTORS),
        SemanticDecoupling(CHANNELS, VECTORS, hidden_channels=6),
        SemanticAttention(CLASSES, CHANNELS, out_channels=6),
    ]


@given(
    side=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    alpha=ALPHAS,
    region=REGIONS,
    seed=st.integers(0, 2**31),
)
def test_erased_attention_has_no_say_and_no_gradient(
    side: tuple[int, int], alpha: float, region: str, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    feature = torch.rand(2, CHANNELS, *side, generator=generator)
    x = torch.randn(CLASSES, VECTORS, generator=generator)
    for attention in attentions():
        maps = attention(feature, attention.embed_labels(x))
        erased = erased_region(maps.spatial_map(), alpha, region)
        spatial = maps.spatial.detach().requires_grad_()
        free = AttentionMaps(maps.feature, spatial, maps.channel, maps.size, maps.scores)
        pooled = attention.pool(free, erased)
        pooled.square().sum().backward()
        assert not spatial.grad[erased.flatten(2)].any()
        # Whatever the attention was there, the features are the same.
        other = spatial.detach().masked_fill(erased.flatten(2), 0.7)
        free = AttentionMaps(maps.feature, other, maps.channel, maps.size, maps.scores)
        assert_close(attention.pool(free, erased), pooled.detach())
        nothing = torch.zeros_like(erased)
        assert_close(attention.pool(maps, nothing), attention.pool(maps))
