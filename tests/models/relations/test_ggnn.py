import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.datasets.cooccurrence import Cooccurrence, reorder_counts, save_cooccurrence
from mmsrdl.models import GGNN, AttentionMaps

COUNTS = Cooccurrence.fully_known(torch.tensor([[4, 2, 0], [2, 8, 0], [0, 0, 0]]))
NAMES = ["a", "b", "c"]
PROBABILITY = torch.tensor([[1, 0.5, 0], [0.25, 1, 0], [0, 0, 0]])
MAPS = AttentionMaps(torch.zeros(2, 1, 1), None, None, (1, 1))


def make(**options: object) -> GGNN:
    torch.manual_seed(0)
    part = GGNN(**{**dict(num_classes=3, in_channels=4), **options})
    part.take_counts(COUNTS, NAMES)
    return part


def make_feature() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 3, 4)


def test_graph_is_the_probability_of_a_class_given_another() -> None:
    assert_close(make().graph(), PROBABILITY)
    without = PROBABILITY - torch.diag(PROBABILITY.diagonal())
    assert_close(make(self_loops=False).graph(), without)


def test_graph_is_in_the_state_and_not_learned() -> None:
    part = make()
    assert "adjacency" in part.state_dict()
    assert "adjacency" not in dict(part.named_parameters())
    other = GGNN(num_classes=3, in_channels=4)
    other.load_state_dict(part.state_dict())
    assert_close(other(make_feature(), MAPS), part(make_feature(), MAPS))
    assert_close(copy.deepcopy(part)(make_feature(), MAPS), part(make_feature(), MAPS))


def test_counts_from_a_file_are_read_by_name(tmp_path: Path) -> None:
    file = tmp_path / "counts.npz"
    names = [NAMES[i] for i in (2, 0, 1)]
    save_cooccurrence(file, names, reorder_counts(COUNTS, NAMES, names, "COUNTS"))
    part = GGNN(num_classes=3, in_channels=4, classes=NAMES, cooccurrence=str(file))
    part.init_weights()
    assert_close(part.graph(), PROBABILITY)


def test_no_counts() -> None:
    part = GGNN(num_classes=3, in_channels=4)
    with pytest.raises(RuntimeError, match="graph of GGNN was never made of label counts"):
        part(make_feature(), MAPS)


def test_layers_by_layout() -> None:
    shapes = {name: tuple(value.shape) for name, value in make().state_dict().items()}
    assert shapes == {
        "adjacency": (3, 3),
        "input.weight": (12, 8),
        "input.bias": (12,),
        "hidden.weight": (8, 4),
        "hidden.bias": (8,),
        "candidate.weight": (4, 4),
        "candidate.bias": (4,),
        "output.weight": (4, 8),
        "output.bias": (4,),
    }
    assert not [name for name in make(bias=False).state_dict() if name == "input.bias"]
    assert make(out_channels=7)(make_feature(), MAPS).shape == (2, 3, 7)


def test_each_class_depends_on_those_it_occurs_with() -> None:
    part, feature = make(num_steps=1), make_feature().requires_grad_()
    part(feature, MAPS)[:, 0].sum().backward()
    assert (feature.grad[:, :2] != 0).all()
    assert (feature.grad[:, 2] == 0).all()


def test_autocast() -> None:
    part, feature = make(), make_feature()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = part(feature, MAPS)
    assert_close(output.float(), part(feature, MAPS), rtol=0, atol=0.05)
    output.float().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in part.parameters())


@pytest.mark.parametrize("name", ["num_classes", "in_channels", "out_channels"])
def test_sizes_out_of_range(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1, such as"):
        make(**{name: 0})


def test_steps_out_of_range() -> None:
    with pytest.raises(ValueError, match="num_steps=0 must be at least 1"):
        make(num_steps=0)


def test_a_shared_feature_is_refused() -> None:
    with pytest.raises(ValueError, match=r"GGNN takes .* got one that all share, \[2, 1, 4\]"):
        make()(make_feature()[:, :1], MAPS)
