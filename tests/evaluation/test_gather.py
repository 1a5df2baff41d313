"""Distributed evaluation over gloo gives the figures of one process."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed
import torch.multiprocessing as mp

from mmsrdl.apis.distributed import finish_distributed
from mmsrdl.evaluation import MultiLabelMetric, OpenVocabularyMetric
from mmsrdl.evaluation.batch import ScoredBatch
from mmsrdl.evaluation.gather import gather_batch, gather_rows

CLASSES = ["a", "b", "c", "d"]


def data_set(size: int, positive: bool = True) -> list[dict]:
    generator = torch.Generator().manual_seed(size)
    scores = (torch.rand(size, 4, generator=generator) * 5).floor() / 5
    targets = torch.randint(-1, 2, (size, 4), generator=generator)
    targets[0] = 1
    if not positive:
        targets = targets.clamp(max=0)
    return [
        {"pred_score": s, "gt_score": t, "sample_idx": i, "img_path": "é" * i + f"{i}.jpg"}
        for i, (s, t) in enumerate(zip(scores, targets, strict=True))
    ]


def without_index(data: list[dict]) -> list[dict]:
    return [{k: v for k, v in sample.items() if k != "sample_idx"} for sample in data]


def positives_on_first_rank(size: int, world: int) -> list[dict]:
    data = data_set(size)
    for i, sample in enumerate(data):
        if i % world:
            sample["gt_score"] = sample["gt_score"].clamp(max=0)
    return data


def parts(world: int) -> list[dict]:
    """A ConcatDataset: the indices of its second part start from 0 again."""
    data = data_set(7)
    for sample in data[4:]:
        sample["sample_idx"] -= 4
    return data


def cases(world: int) -> dict[str, list[dict]]:
    """Data sets by name; 7 and 8 samples leave padding in a world of 2 and of 3."""
    return {
        "seven": data_set(7),
        "eight": data_set(8),
        "seven without index": without_index(data_set(7)),
        "eight without index": without_index(data_set(8)),
        "positives on the first rank only": positives_on_first_rank(8, world),
        "concatenated": parts(world),
        "one sample": data_set(1),
        "double": [{**s, "pred_score": s["pred_score"].double()} for s in data_set(7)],
    }


def share(data: list, rank: int, world: int, round_up: bool) -> list:
    """What MMEngine's DefaultSampler gives to a rank."""
    total = -(-len(data) // world) * world if round_up else len(data)
    return (data * world)[:total][rank::world]


def evaluate(data: list[dict], size: int, out_file: Path | None = None) -> dict[str, float]:
    metric = MultiLabelMetric(out_file=None if out_file is None else str(out_file))
    metric.dataset_meta = {"classes": CLASSES}
    for start in range(0, len(data), 2):
        metric.process(None, data[start : start + 2])
    return metric.evaluate(size)


def evaluate_open(own: bool, rank: int = 0, world: int = 1) -> dict[str, float]:
    """The open vocabulary's figures of a rank's share of seven samples; one may be repeated."""
    data, unseen = data_set(7), ("d", "b")
    if own:
        scores = torch.rand(7, 2, generator=torch.Generator().manual_seed(0))
        for sample, row in zip(data, scores, strict=True):
            sample.update(pred_score_unseen=row, unseen_vocabulary=unseen)
    metric = OpenVocabularyMetric(unseen, k=(1, 2))
    metric.dataset_meta = {"classes": CLASSES}
    metric.process(None, share(data, rank, world, True))
    return metric.evaluate(7)


def message_of(function, *arguments) -> str:
    try:
        function(*arguments)
    except ValueError as error:
        return str(error)
    return "no error"


def worker(rank: int, world: int, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/init", rank=rank, world_size=world
    )
    results: dict = {"figures": {}, "errors": {}}
    for name, data in cases(world).items():
        for round_up in (True, False):
            mine = share(data, rank, world, round_up)
            results["figures"][f"{name}, {round_up}"] = evaluate(mine, len(data))

    evaluate(share(data_set(7), rank, world, True), 7, folder / "scores.npz")

    results["open"] = [evaluate_open(own, rank, world) for own in (False, True)]

    rows = gather_rows(torch.full((rank, 2), rank))
    results["rows"] = [part.tolist() for part in rows]

    nothing = share(data_set(7, positive=False), rank, world, True)
    results["errors"]["no positive"] = message_of(evaluate, nothing, 7)
    results["errors"]["no sample"] = message_of(evaluate, [], 7)
    other = {"pred_score": torch.rand(4 + rank), "gt_label": [0]}
    results["errors"]["sizes"] = message_of(evaluate, [other], 2)

    (folder / f"{rank}.json").write_text(json.dumps(results))
    finish_distributed()


@pytest.fixture(scope="module", params=[2, 3])
def run(request, tmp_path_factory) -> tuple[int, Path, list[dict]]:
    """World size, folder and what every rank returned; one start of the processes for all."""
    world = request.param
    folder = tmp_path_factory.mktemp(f"world{world}")
    mp.spawn(worker, (world, folder), nprocs=world)
    return world, folder, [json.loads((folder / f"{r}.json").read_text()) for r in range(world)]


def test_figures_equal_one_process(run):
    world, _, ranks = run
    for name, data in cases(world).items():
        expected = evaluate(data, len(data))
        for round_up in (True, False):
            for rank in ranks:
                figures = rank["figures"][f"{name}, {round_up}"]
                assert figures == pytest.approx(expected, abs=1e-6), f"{name}, {round_up}"


def test_figures_of_an_open_vocabulary_equal_one_process(run):
    _, _, ranks = run
    expected = [evaluate_open(own) for own in (False, True)]
    assert expected[0]["ov/ZSL/mAP"] != expected[1]["ov/ZSL/mAP"]
    for rank in ranks:
        for found, wanted in zip(rank["open"], expected, strict=True):
            assert found == pytest.approx(wanted)


def test_rows_of_unequal_number(run):
    world, _, ranks = run
    for rank in ranks:
        assert rank["rows"] == [[[r, r]] * r for r in range(world)]


def test_out_file_of_several_processes(run):
    data = data_set(7)
    with np.load(run[1] / "scores.npz", allow_pickle=False) as file:
        assert file["sample_idx"].tolist() == list(range(7))
        assert file["img_path"].tolist() == [sample["img_path"] for sample in data]
        np.testing.assert_array_equal(file["scores"], [s["pred_score"].numpy() for s in data])
        np.testing.assert_array_equal(file["targets"], [s["gt_score"].numpy() for s in data])


def test_errors_reach_every_process(run):
    world, _, ranks = run
    sizes = list(range(4, 4 + world))
    for rank in ranks:
        assert "none of the 4 classes has a positive in 7 images" in rank["errors"]["no positive"]
        assert "no sample was evaluated" in rank["errors"]["no sample"]
        assert f"one length on all processes, got {sizes}" in rank["errors"]["sizes"]


def test_sampled_order_does_not_show():
    data = data_set(8)
    batch = ScoredBatch.from_samples([data[i] for i in (3, 1, 1, 0, 2, 7, 6, 5, 4, 3)])
    gathered = gather_batch(batch, 8, with_paths=True)
    assert gathered.sample_idx.tolist() == list(range(8))
    assert gathered.img_paths == [sample["img_path"] for sample in data]
    torch.testing.assert_close(gathered.scores, torch.stack([s["pred_score"] for s in data]))


def test_paths_stay_home_unless_asked_for():
    gathered = gather_batch(ScoredBatch.from_samples(data_set(3)), 3)
    assert gathered.img_paths == ["", "", ""]
