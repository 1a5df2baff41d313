"""Published checkpoints of ML-GCN, converted: the scores, and what is refused."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from mmsrdl.apis import load_config, load_model
from mmsrdl.cli import main
from mmsrdl.datasets.categories import COCO_CATEGORIES, VOC_CATEGORIES
from mmsrdl.model_converters import convert_mlgcn
from tests.model_converters.published import feature_map, mlgcn_content, one_number, save_as_then
from tests.reference import mlgcn as reference

ALPHABETICAL = sorted(COCO_CATEGORIES)


def make_graph(classes: int) -> Tensor:
    """A as the release makes it of counts: not symmetric."""
    generator = torch.Generator().manual_seed(3)
    together = torch.randint(0, 40, (classes, classes), generator=generator).double()
    together = (together + together.T).fill_diagonal_(0)
    images = torch.randint(60, 200, (classes,), generator=generator).double()
    graph = reference.adjacency(together, images).float()
    assert 0 < (graph != graph.T).float().mean() < 1
    return graph


def write_vectors(path: Path, names: Sequence[str], size: int = 300) -> Tensor:
    """Writes random word vectors by name, and returns them in the order of the names."""
    vectors = np.random.default_rng(4).normal(size=(len(names), size)).astype(np.float32)
    shuffled = np.random.default_rng(5).permutation(len(names))
    np.savez(path, names=np.array(names)[shuffled], vectors=vectors[shuffled])
    return torch.from_numpy(vectors)


def make_state(resnet: nn.Module) -> dict[str, Tensor]:
    """Names and shapes as published for VOC 2007."""
    return one_number(mlgcn_content(resnet, torch.ones(20, 20))["state_dict"])


def forward(content: dict, vectors: Tensor, feature: Tensor, rows: list[int]) -> Tensor:
    """The release's scores of some classes, in its order, from the file's tensors by hand."""
    state = content["state_dict"]
    a_hat = reference.normalise(state["A"])
    hidden = nn.functional.leaky_relu(a_hat @ (vectors @ state["gc1.weight"]), 0.2)
    classifiers = (a_hat @ (hidden @ state["gc2.weight"]))[rows]
    return reference.logits(feature, classifiers)


def test_layers_by_hand_are_those_of_the_reference() -> None:
    """Whose loops would take hours at full size."""
    a_hat, vectors = reference.normalise(make_graph(4)), torch.randn(4, 5)
    weights = [torch.randn(5, 6), torch.randn(6, 7)]
    hidden = nn.functional.leaky_relu(a_hat @ (vectors @ weights[0]), 0.2)
    assert_close(a_hat @ (hidden @ weights[1]), reference.gcn(vectors, a_hat, weights))


@pytest.mark.parametrize(
    ("data", "names", "ours"),
    [("coco", ALPHABETICAL, COCO_CATEGORIES), ("voc07", VOC_CATEGORIES, VOC_CATEGORIES)],
)
def test_scores_are_those_of_the_published_weights(
    data: str,
    names: Sequence[str],
    ours: tuple[str, ...],
    resnet: nn.Module,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = mlgcn_content(resnet, make_graph(len(names)))
    source = save_as_then(content, tmp_path / "checkpoint.pth.tar")
    vectors = write_vectors(tmp_path / "vectors.npz", names)
    target = tmp_path / "mlgcn.pth"
    words = ["--word-vectors", str(tmp_path / "vectors.npz")]
    assert main(["convert", "mlgcn", str(source), str(target), *words]) == 0
    assert f"mmsrdl test mlgcn_r101_{data} {target}\n" in capsys.readouterr().out

    model, classes = load_model(load_config(f"mlgcn_r101_{data}"), str(target))
    assert tuple(classes) == ours
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    some = ["bicycle", "person", "train", "cat"]
    with torch.no_grad():
        feature = feature_map(resnet, images)
        expected = forward(content, vectors, feature, [list(names).index(name) for name in some])
        assert expected.std() > 0.01
        found = model(images)[:, [ours.index(name) for name in some]]
    assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_converted_file_is_evaluated(
    resnet: nn.Module, tiny_voc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command that the conversion names: every entry is there, and the data's classes."""
    torch.save({"state_dict": make_state(resnet)}, tmp_path / "a.pth.tar")
    write_vectors(tmp_path / "vectors.npz", VOC_CATEGORIES)
    target = str(tmp_path / "mlgcn.pth")
    convert_mlgcn(tmp_path / "a.pth.tar", tmp_path / "vectors.npz").save(target)
    options = {
        "test_dataloader.dataset.pipeline.1.scale": "(64,64)",
        "test_dataloader.num_workers": 0,
        "test_dataloader.persistent_workers": False,
    }
    words = ["test", "mlgcn_r101_voc07", target, "--data-root", str(tiny_voc)]
    words += ["--work-dir", str(tmp_path / "work"), "--out", str(tmp_path / "scores.npz")]
    assert main([*words, "--cfg-options", *(f"{k}={v}" for k, v in options.items())]) == 0
    assert "mlr/mAP" in capsys.readouterr().out
    with np.load(tmp_path / "scores.npz") as file:
        assert tuple(file["names"]) == VOC_CATEGORIES
        assert np.isfinite(file["scores"]).all()


def test_later_torch_and_several_gpus(resnet: nn.Module, tmp_path: Path) -> None:
    """Counters of BN, the prefix of DataParallel, and torch's zip format."""
    state = make_state(resnet)
    names = [name for name in state if name.endswith("running_var")]
    state |= {name.replace("running_var", "num_batches_tracked"): torch.tensor(7) for name in names}
    content = {"state_dict": {f"module.{name}": entry for name, entry in state.items()}}
    torch.save(content, tmp_path / "a.pth.tar")
    write_vectors(tmp_path / "vectors.npz", VOC_CATEGORIES)
    converted = convert_mlgcn(tmp_path / "a.pth.tar", tmp_path / "vectors.npz").state_dict
    assert converted["backbone.bn1.num_batches_tracked"] == 7
    assert len([name for name in converted if name.endswith("num_batches_tracked")]) == len(names)


def test_own_classes_stay_in_their_order(resnet: nn.Module, tmp_path: Path) -> None:
    graph = torch.tensor([[1.0, 0.25, 0], [0, 1, 0], [0.25, 0, 1]])
    content = mlgcn_content(resnet, graph)
    content["state_dict"] = make_state(resnet) | {"A": graph}
    source = save_as_then(content, tmp_path / "a.pth.tar")
    names = ["zebra", "ant", "cow"]
    (tmp_path / "names.txt").write_text("\n".join(names))
    vectors = write_vectors(tmp_path / "vectors.npz", names)
    with pytest.raises(ValueError, match=r"has 3 classes.*--classes FILE"):
        convert_mlgcn(source, tmp_path / "vectors.npz")
    converted = convert_mlgcn(source, tmp_path / "vectors.npz", str(tmp_path / "names.txt"))
    assert (converted.classes, converted.model) == (tuple(names), None)
    assert_close(converted.state_dict["head.embedder.adjacency"], graph)
    assert_close(converted.state_dict["head.embedder.vectors"], vectors)


WRONG = {
    "it has no entries 'A' and 'features.0.weight', but such as gc1.weight": lambda s: {
        "gc1.weight": s["gc1.weight"]
    },
    "1 entries are missing, such as layer4.2.bn3.bias": lambda s: {
        name: entry for name, entry in s.items() if name != "features.7.2.bn3.bias"
    },
    "1 entries are unexpected, such as features.2.weight": lambda s: (
        s | {"features.2.weight": torch.zeros(1)}
    ),
    "gc1.weight is [200, 1024], not [300, 1024]": lambda s: (
        s | {"gc1.weight": torch.zeros(200, 1024)}
    ),
    "1 entries are missing, such as gc2.weight": lambda s: {
        name: entry for name, entry in s.items() if name != "gc2.weight"
    },
    "A is [20, 21], not [20, 20]": lambda s: s | {"A": torch.ones(20, 21)},
    "A is [], not [1, 1]": lambda s: s | {"A": torch.tensor(1.0)},
    "its 'A' must be the re-weighted label graph": lambda s: s | {"A": -torch.eye(20)},
}


@pytest.mark.parametrize("message", WRONG)
def test_another_file(message: str, resnet: nn.Module, tmp_path: Path) -> None:
    torch.save({"state_dict": WRONG[message](make_state(resnet))}, tmp_path / "a.pth.tar")
    write_vectors(tmp_path / "vectors.npz", VOC_CATEGORIES)
    with pytest.raises(ValueError, match=f"is no ResNet-101 of ML-GCN.*{re.escape(message)}"):
        convert_mlgcn(tmp_path / "a.pth.tar", tmp_path / "vectors.npz")


@pytest.mark.parametrize(
    ("names", "size", "message"),
    [
        (VOC_CATEGORIES, 50, "has 50 dimensions where the checkpoint takes 300"),
        (VOC_CATEGORIES[:-1], 300, "has no vector for 'tvmonitor'"),
    ],
)
def test_other_word_vectors(
    names: Sequence[str], size: int, message: str, resnet: nn.Module, tmp_path: Path
) -> None:
    torch.save({"state_dict": make_state(resnet)}, tmp_path / "a.pth.tar")
    write_vectors(tmp_path / "vectors.npz", names, size)
    with pytest.raises(ValueError, match=message):
        convert_mlgcn(tmp_path / "a.pth.tar", tmp_path / "vectors.npz")
