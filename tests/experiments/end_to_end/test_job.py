import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments.end_to_end.job import Job
from experiments.trainings import make_ready, read_result, run_training
from mmsrdl.engine import ResumableEpochLoop
from mmsrdl.evaluation import ScoresFile
from tests.experiments.end_to_end.conftest import CONFIGS


def run(job: Job) -> dict:
    """Runs a training in this process."""
    make_ready(job)
    run_training(job)
    result = read_result(job)
    assert result is not None
    return result


def test_a_stopped_training_goes_on_exactly(
    make_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_job(out=str(tmp_path / "whole"))
    assert run(whole)["resumed"] is False

    stopped, run_iter = make_job(), ResumableEpochLoop.run_iter

    def stop(loop: ResumableEpochLoop, index: int, batch: dict) -> None:
        if (loop._epoch, index) == (2, 1):
            raise RuntimeError("pulled the plug")
        run_iter(loop, index, batch)

    monkeypatch.setattr(ResumableEpochLoop, "run_iter", stop)
    with pytest.raises(SystemExit):
        run(stopped)
    monkeypatch.setattr(ResumableEpochLoop, "run_iter", run_iter)
    assert "pulled the plug" in (stopped.folder / "error.txt").read_text()
    assert (stopped.folder / "epoch_2.pth").is_file()
    assert read_result(stopped) is None

    result = run(stopped)
    assert result["resumed"] is True
    assert not (stopped.folder / "error.txt").exists()
    expected, found = (
        ScoresFile.load(job.folder / "scores.npz").scores for job in (whole, stopped)
    )
    assert torch.equal(found, expected)
    assert "going on from" in (stopped.folder / "output.txt").read_text()
    # The log of a training holds one evaluation, after the last epoch.
    scalars = [
        json.loads(line)
        for path in whole.folder.glob("*/vis_data/scalars.json")
        for line in path.read_text().splitlines()
    ]
    assert [each["step"] for each in scalars if "mlr/mAP" in each] == [3]


def test_checkpoints_of_another_training_are_not_gone_on_from(
    make_job: Callable[..., Job], config: Path
) -> None:
    run(make_job())
    changed = config.parent / "changed" / config.name
    changed.parent.mkdir()
    changed.write_text(config.read_text().replace("factor=0.5", "factor=0.25"))
    other = make_job(config=str(changed))
    assert other.folder == make_job().folder
    assert read_result(other) is None
    assert run(other)["resumed"] is False


def test_the_search_holds_training_images_out_and_keeps_no_checkpoint(
    make_job: Callable[..., Job],
) -> None:
    job = make_job(stage="search", held_out=0.5, search_epochs=1)
    assert job.images == (2, 2)
    assert job.passes == (2, 2)
    assert make_job().passes == (12, 4)
    cfg = job.resolved
    parts = {name: cfg[f"{name}_dataloader"].dataset for name in ("train", "val")}
    assert [part.part for part in parts.values()] == ["fit", "held_out"]
    # Both of the training images, and none of the validation images.
    assert {part.dataset.ann_file for part in parts.values()} == {
        "annotations/instances_train.json"
    }
    assert parts["val"].dataset.pipeline == cfg.test_pipeline
    result = run(job)
    assert result["epochs"] == 1
    assert result["images"] == [2, 2]
    assert list(job.folder.glob("*.pth")) == []
    assert len(ScoresFile.load(job.folder / "scores.npz").scores) == 2


def test_a_key_goes_by_data_weights_and_settings_not_by_places(
    make_job: Callable[..., Job], tmp_path: Path, scenes: Path, config: Path
) -> None:
    job = make_job()
    moved = tmp_path / "moved"
    moved.symlink_to(scenes)
    more = dict(data_root=str(moved), out=str(tmp_path / "other"))
    assert make_job(**more).key == job.key
    workers = {"train_dataloader.num_workers": 2, "default_hooks.checkpoint.interval": 2}
    assert make_job(cfg_options=workers).key == job.key
    for changes in (dict(lr=3e-3), dict(seed=1), dict(stage="search")):
        assert replace(job, **changes).key != job.key
    assert make_job(cfg_options={"default_hooks.oe.topk": 2}).key != job.key
    relabelled = tmp_path / "relabelled"
    (relabelled / "annotations").mkdir(parents=True)
    for name in ("train", "val"):
        (relabelled / name).symlink_to(scenes / name)
        content = json.loads((scenes / "annotations" / f"instances_{name}.json").read_text())
        content["annotations"] = content["annotations"][1:]
        (relabelled / "annotations" / f"instances_{name}.json").write_text(json.dumps(content))
    assert make_job(data_root=str(relabelled)).key != job.key
    vectors = tmp_path / "vectors.txt"
    config.write_text(
        config.read_text()
        + f"model = dict(head=dict(embedder=dict(word_vectors={str(vectors)!r})))"
    )
    keys = set()
    for text in ("boat 1 2", "boat 1 3"):
        vectors.write_text(text)
        keys.add(make_job(config=str(config.rename(config.with_name(f"{text}.py")))).key)
        config = config.with_name(f"{text}.py")
    assert len(keys) == 2


def test_evaluators_of_the_config_stay_beside_the_protocol_of_all(
    make_job: Callable[..., Job], config: Path
) -> None:
    config.write_text(
        config.read_text()
        + "val_evaluator = [dict(type='mmsrdl.MultiLabelMetric', protocol='mlgcn'), "
        "dict(type='mmsrdl.OpenVocabularyMetric', split=None)]\n"
    )
    evaluators = make_job().resolved.val_evaluator
    assert evaluators[0] == dict(type="mmsrdl.MultiLabelMetric")
    assert [each.type for each in evaluators[1:]] == ["mmsrdl.OpenVocabularyMetric"]


def test_a_learning_rate_may_be_a_multiple_of_the_configs(make_job: Callable[..., Job]) -> None:
    own = make_job(relative=True, lr=1.0).resolved.optim_wrapper.optimizer.lr
    assert make_job(relative=True, lr=0.5).resolved.optim_wrapper.optimizer.lr == own / 2
    assert make_job(lr=0.5).resolved.optim_wrapper.optimizer.lr == 0.5
    assert make_job(lr=own).key == make_job(relative=True, lr=1.0).key


def test_several_processes_share_the_batch(make_job: Callable[..., Job]) -> None:
    job = make_job(launcher=2)
    assert job.resolved.train_dataloader.batch_size == 1
    assert job.resolved.launcher == "pytorch"
    assert job.command is not None
    assert "--nproc_per_node=2" in job.command
    assert make_job().command is None
    with pytest.raises(ValueError, match=r"--launcher 3: .* batches of 2 images"):
        _ = make_job(launcher=3).resolved


def test_mistakes_are_named(make_job: Callable[..., Job], config: Path) -> None:
    with pytest.raises(ValueError, match=r"is of frozen maps; give it to experiments\.frozen"):
        _ = make_job(config=str(CONFIGS / "frozen" / "gmp_voc07.py"), data_root=None).resolved
    config.write_text(
        config.read_text()
        + "train_cfg = dict(_delete_=True, type='mmsrdl.ResumableIterLoop', max_iters=4)\n"
    )
    config.write_text(config.read_text().replace("train_cfg = dict(max", "unused = dict(max"))
    with pytest.raises(ValueError, match=r"train_cfg is of mmsrdl\.ResumableIterLoop; use"):
        _ = make_job().resolved
    with pytest.raises(FileNotFoundError, match="--data-root"):
        _ = make_job(data_root="nowhere").resolved
