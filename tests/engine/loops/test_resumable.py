"""A run that was stopped and goes on ends like one that was not, bit for bit."""

import shutil
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import torch

from mmsrdl.apis import train
from mmsrdl.apis.resume import newest_checkpoint
from mmsrdl.checkpoint import read_checkpoint
from tests.small_run import BY_EPOCH, BY_ITER, EPOCHS, ITERS, LENGTH, make_config


def final(work_dir: Path, checkpoint: dict) -> dict:
    return read_checkpoint(work_dir / ("epoch_3.pth" if checkpoint["by_epoch"] else "iter_12.pth"))


def same(one: dict, other: dict) -> None:
    assert one["param_schedulers"] == other["param_schedulers"]
    for key in ("state_dict", "ema_state_dict", "optimizer"):
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=0)
    for key in ("epoch", "iter", "seed"):
        assert one["meta"][key] == other["meta"][key]
    best = [content["message_hub"]["runtime_info"]["best_score"] for content in (one, other)]
    assert best[0] == best[1]


@pytest.fixture(scope="module")
def whole(seven: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What runs that nothing stops end with."""
    ends = {}
    for name, loop, checkpoint in (
        ("epochs", EPOCHS, BY_EPOCH),
        ("epochs by iteration", EPOCHS, BY_ITER),
        ("iterations", ITERS, BY_ITER),
    ):
        work_dir = tmp_path_factory.mktemp("whole")
        train(make_config(seven, work_dir, loop, checkpoint))
        ends[name] = final(work_dir, checkpoint)
    return ends


@pytest.mark.parametrize(
    ("name", "stop", "position"),
    [
        ("epochs", ("iteration", 6), (1, 4)),  # inside the second epoch
        ("epochs", ("validation", 8), (2, 8)),
        ("epochs", ("saving", 8), (1, 4)),
        ("epochs by iteration", ("iteration", 7), (1, 6)),  # inside the second epoch
        ("epochs by iteration", ("iteration", 8), (1, 8)),  # at its end, not yet counted
        ("epochs by iteration", ("validation", 8), (1, 8)),
        ("iterations", ("iteration", 7), (0, 6)),
        ("iterations", ("iteration", 11), (0, 10)),
        ("iterations", ("validation", 5), (0, 4)),
    ],
)
def test_stopped_and_resumed(
    name: str,
    stop: tuple[str, int],
    position: tuple[int, int],
    seven: Path,
    whole: dict[str, dict],
    tmp_path: Path,
) -> None:
    loop = ITERS if name == "iterations" else EPOCHS
    checkpoint = BY_EPOCH if name == "epochs" else BY_ITER
    options = dict(loop=loop, checkpoint=checkpoint)
    with pytest.raises(KeyboardInterrupt):
        train(make_config(seven, tmp_path, **options, stop=stop))
    last = read_checkpoint((tmp_path / "last_checkpoint").read_text())
    assert (last["meta"]["epoch"], last["meta"]["iter"]) == position
    train(make_config(seven, tmp_path, **options), resume="auto")
    same(final(tmp_path, checkpoint), whole[name])


def test_the_seed_is_the_stopped_runs(seven: Path, whole: dict, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH, stop=("iteration", 6)))
    train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH, seed=4), resume="auto")
    same(final(tmp_path, BY_EPOCH), whole["epochs"])


def test_a_file_to_resume_from(seven: Path, whole: dict, tmp_path: Path) -> None:
    train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH))
    file = str(tmp_path / "epoch_2.pth")
    train(make_config(seven, tmp_path / "elsewhere", EPOCHS, BY_EPOCH), resume=file)
    same(final(tmp_path / "elsewhere", BY_EPOCH), whole["epochs"])


def test_torn_newest_checkpoint(seven: Path, whole: dict, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH, stop=("iteration", 9)))
    newest = tmp_path / "epoch_2.pth"
    newest.write_bytes(newest.read_bytes()[:5000])
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.log_level = "INFO"
    train(cfg, resume="auto")
    logs = "".join(path.read_text() for path in tmp_path.glob("*/*.log"))
    assert f"passed over: checkpoint '{newest}' is torn" in logs
    assert f"going on from {tmp_path / 'epoch_1.pth'}" in logs
    same(final(tmp_path, BY_EPOCH), whole["epochs"])


def test_a_copied_work_directory_stays_by_itself(seven: Path, tmp_path: Path) -> None:
    """MMEngine notes the absolute path of what it saved last."""
    train(make_config(seven, tmp_path / "run", {**EPOCHS, "max_epochs": 1}, BY_EPOCH))
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    assert (tmp_path / "copy" / "last_checkpoint").read_text() == str(tmp_path / "run/epoch_1.pth")
    assert newest_checkpoint(f"{tmp_path}/copy") == (f"{tmp_path}/copy/epoch_1.pth", [])
    (tmp_path / "copy" / "epoch_1.pth").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no checkpoint of '.*copy' .*; all are torn"):
        newest_checkpoint(f"{tmp_path}/copy")
    (tmp_path / "copy" / "epoch_1.pth").unlink()
    found, (line,) = newest_checkpoint(f"{tmp_path}/copy")
    assert found == f"{tmp_path}/run/epoch_1.pth"
    assert line == f"{found} lies outside of '{tmp_path}/copy', whose last_checkpoint led there"


def test_checkpoints_in_another_folder_are_found(seven: Path, whole: dict, tmp_path: Path) -> None:
    options = dict(loop=EPOCHS, checkpoint={**BY_EPOCH, "out_dir": str(tmp_path / "elsewhere")})
    with pytest.raises(KeyboardInterrupt):
        train(make_config(seven, tmp_path / "run", **options, stop=("iteration", 9)))
    assert not list((tmp_path / "run").glob("*.pth"))
    train(make_config(seven, tmp_path / "run", **options), resume="auto")
    same(final(tmp_path / "elsewhere" / "run", BY_EPOCH), whole["epochs"])


def test_all_torn(seven: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH, stop=("iteration", 9)))
    for path in tmp_path.glob("epoch_*.pth"):
        path.write_bytes(b"")
    message = r"no checkpoint of '.*' can be resumed; all are torn: .*epoch_2.pth.*epoch_1.pth"
    with pytest.raises(ValueError, match=message):
        train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH), resume="auto")


def test_other_files_in_the_work_directory(seven: Path, whole: dict, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH, stop=("iteration", 9)))
    (tmp_path / "last_checkpoint").unlink()
    (tmp_path / "folder.pth").mkdir()
    torch.save({"state_dict": {}}, tmp_path / "weights.pth")
    train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH), resume="auto")
    same(final(tmp_path, BY_EPOCH), whole["epochs"])


def test_nothing_to_resume_begins_anew(seven: Path, whole: dict, tmp_path: Path) -> None:
    train(make_config(seven, tmp_path / "new", EPOCHS, BY_EPOCH), resume="auto")
    same(final(tmp_path / "new", BY_EPOCH), whole["epochs"])


def test_load_from_counts_where_nothing_is_to_be_resumed(seven: Path, tmp_path: Path) -> None:
    """As for a job that is always started with --resume."""
    train(make_config(seven, tmp_path / "first", EPOCHS, BY_EPOCH))
    cfg = make_config(seven, tmp_path / "second", {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.load_from = str(tmp_path / "first" / "epoch_3.pth")
    cfg.optim_wrapper.optimizer.lr = 0.0
    cfg.custom_hooks.pop(0)  # EMA
    train(cfg, resume="auto")
    one, other = (
        read_checkpoint(tmp_path / name)["state_dict"]["head.classifier.weight"]
        for name in ("first/epoch_3.pth", "second/epoch_1.pth")
    )
    torch.testing.assert_close(one, other)
    assert read_checkpoint(tmp_path / "second" / "epoch_1.pth")["meta"]["iter"] == LENGTH


def test_another_batch_size_begins_the_epoch_anew(seven: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(make_config(seven, tmp_path, EPOCHS, BY_ITER, stop=("iteration", 6)))
    cfg = make_config(seven, tmp_path, EPOCHS, BY_ITER, batch_size=4)
    cfg.log_level = "INFO"
    train(cfg, resume="auto")
    logs = "".join(path.read_text() for path in tmp_path.glob("*/*.log"))
    assert "epoch 2 was stopped after 2 of 4 batches, and has 2 now" in logs
    # Two iterations in each of the last two epochs, after the six of before.
    assert read_checkpoint(tmp_path / "iter_10.pth")["meta"]["iter"] == 10


@pytest.mark.parametrize("batch_size", [2, 4, 7])
def test_iterations_of_another_batch_size(batch_size: int, seven: Path, tmp_path: Path) -> None:
    """They are counted, as MMEngine counts them; the log says that the images are others."""
    with pytest.raises(KeyboardInterrupt):
        train(make_config(seven, tmp_path, ITERS, BY_ITER, stop=("iteration", 7)))
    cfg = make_config(seven, tmp_path, ITERS, BY_ITER, batch_size=batch_size)
    cfg.log_level = "INFO"
    train(cfg, resume="auto")
    logs = "".join(path.read_text() for path in tmp_path.glob("*/*.log"))
    line = (
        f"stopped with 4 batches of 2 images an epoch, going on with {-(-7 // batch_size)} of "
        f"{batch_size} (batch size, number of processes or data changed): the position counts in "
        "iterations, so that training goes on at iteration 6 with other images"
    )
    assert logs.count(line) == (batch_size != 2)
    assert logs.count("stopped with") == (batch_size != 2)
    assert read_checkpoint(tmp_path / "iter_12.pth")["meta"]["iter"] == 12


@pytest.mark.parametrize("loop", [EPOCHS, ITERS], ids=["epochs", "iterations"])
def test_another_sampler_is_refused(loop: dict, seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, loop, BY_ITER)
    cfg.train_dataloader.sampler.type = "DefaultSampler"
    with pytest.raises(TypeError, match=r"sampler DefaultSampler does not; use .*SeededSampler"):
        train(cfg)


def test_the_loss_scale_goes_on(
    seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mixed precision on a CPU, which MMEngine refuses; the scale doubles every other step."""
    module = "mmengine.optim.optimizer.amp_optimizer_wrapper"
    monkeypatch.setattr(f"{module}.is_cuda_available", lambda: True)
    monkeypatch.setattr(f"{module}.GradScaler", partial(torch.amp.GradScaler, device="cpu"))
    ends = []
    for name, stops in (("whole", []), ("resumed", [("iteration", 7)])):
        for stop in (*stops, ("never", 0)):
            cfg = make_config(seven, tmp_path / name, EPOCHS, BY_ITER, stop=stop)
            cfg.optim_wrapper.update(
                type="AmpOptimWrapper",
                dtype="bfloat16",
                loss_scale=dict(init_scale=4.0, growth_interval=2),
            )
            with nullcontext() if stop[0] == "never" else pytest.raises(KeyboardInterrupt):
                train(cfg, resume="auto")
        ends.append(final(tmp_path / name, BY_ITER))
    same(*ends)
    scalers = [end["optimizer"]["loss_scaler"] for end in ends]
    assert scalers[0] == scalers[1]
    assert scalers[0]["scale"] == 4.0 * 2**6
