"""Checkpoints that would run code: refused on every path by which one can enter."""

import http.server
import io
import pickle
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler import OneCycleLR
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler as OneCycle
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmsrdl import apis
from mmsrdl.apis import load_config, load_model, train
from mmsrdl.checkpoint import TornCheckpointError, read_checkpoint, read_state_dict
from tests.small_run import BY_EPOCH, EPOCHS, make_config

CODE = "__import__('pathlib').Path({path!r}).touch()"


class Call:
    """Is pickled as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def plain(mark: Path) -> Any:
    return Call(eval, CODE.format(path=str(mark)))


def through_getattr(mark: Path) -> Any:
    """Runs under ``weights_only=True`` where ``getattr`` is allowed, as MMEngine allows it."""
    rebuild = torch._tensor._rebuild_from_type_v2
    get = Call(getattr, Call(getattr, Call(getattr, HistoryBuffer, "mean"), "__builtins__"), "get")
    function = Call(rebuild, get, Call(getattr, get, "__class__"), ("eval",), {})
    code = CODE.format(path=str(mark)) + " or None"
    return Call(rebuild, function, Call(getattr, None, "__class__"), (code,), {})


PAYLOADS = {"plain": plain, "through getattr": through_getattr}


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """What a payload that ran would have written."""
    path = tmp_path / "ran"
    yield path
    assert not path.exists()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_payloads_are_live(payload: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    torch.save({"meta": PAYLOADS[payload](mark)}, tmp_path / "a.pth")
    torch.load(tmp_path / "a.pth", weights_only=False)
    assert mark.exists()


def test_getattr_defeats_weights_only(tmp_path: Path) -> None:
    """Why ours differs from MMEngine's list of what is allowed."""
    mark = tmp_path / "ran"
    torch.save({"meta": through_getattr(mark)}, tmp_path / "a.pth")
    with torch.serialization.safe_globals([getattr, HistoryBuffer]):
        torch.load(tmp_path / "a.pth", weights_only=True)
    assert mark.exists()


def test_what_others_allow_does_not_count(tmp_path: Path, mark: Path) -> None:
    torch.save({"meta": through_getattr(mark)}, tmp_path / "a.pth")
    with torch.serialization.safe_globals([getattr, HistoryBuffer]):
        with pytest.raises(ValueError, match="holds more than data and is refused"):
            read_checkpoint(tmp_path / "a.pth")
        assert getattr in torch.serialization.get_safe_globals()


def write_raw(path: Path, payload: Any) -> None:
    path.write_bytes(pickle.dumps(payload))


def write_legacy(path: Path, payload: Any) -> None:
    torch.save({"meta": payload}, path, _use_new_zipfile_serialization=False)


def write_tar(path: Path, payload: Any) -> None:
    content = pickle.dumps(payload)
    with tarfile.open(path, "w") as archive:
        for name in ("sys_info", "storages", "tensors", "pickle"):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("write", [write_raw, write_legacy, write_tar])
def test_other_formats(write: Callable, payload: str, tmp_path: Path, mark: Path) -> None:
    write(tmp_path / "a.pth", PAYLOADS[payload](mark))
    with pytest.raises(ValueError, match=r"'.*a\.pth' holds more than data and is refused"):
        read_checkpoint(tmp_path / "a.pth")


@pytest.fixture(scope="module")
def run(seven: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The photographs and a finished run."""
    work_dir = tmp_path_factory.mktemp("run")
    train(make_config(seven, work_dir, {**EPOCHS, "max_epochs": 1}, BY_EPOCH))
    return seven, work_dir / "epoch_1.pth"


@pytest.fixture(params=PAYLOADS)
def bad(run: tuple[Path, Path], tmp_path: Path, mark: Path, request) -> tuple[Config, str]:
    """A config, and a genuine checkpoint of it to which a payload was added."""
    root, source = run
    content = torch.load(source, weights_only=False)
    content["meta"]["note"] = PAYLOADS[request.param](mark)
    path = tmp_path / "work" / "epoch_1.pth"
    path.parent.mkdir()
    torch.save(content, path)
    (path.parent / "last_checkpoint").write_text(str(path))
    return make_config(root, path.parent, EPOCHS, BY_EPOCH), str(path)


def by_load_from(cfg: Config, path: str) -> None:
    cfg.load_from = path
    train(cfg)


def by_resume_file(cfg: Config, path: str) -> None:
    train(cfg, resume=path)


def by_resume_auto(cfg: Config, path: str) -> None:
    torch.save({"state_dict": {}}, Path(path).with_name("epoch_0.pth"))  # no way round the refusal
    train(cfg, resume="auto")


def by_resume_in_the_config(cfg: Config, path: str) -> None:
    cfg.resume = True
    train(cfg)


def by_mmengines_runner(cfg: Config, path: str) -> None:
    from mmengine.runner import Runner

    Runner.from_cfg(cfg).load_checkpoint(path)


def by_init_cfg(cfg: Config, path: str) -> None:
    cfg.model.backbone.init_cfg = dict(type="Pretrained", checkpoint=path, prefix="backbone.")
    train(cfg)


def by_init_weights(cfg: Config, path: str) -> None:
    init_cfg = dict(type="Pretrained", checkpoint=path, prefix="backbone.")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        MODELS.build({**cfg.model.backbone, "init_cfg": init_cfg}).init_weights()


def by_timm_scheme(cfg: Config, path: str) -> None:
    CheckpointLoader.load_checkpoint(f"timm://{path}")


def by_weights_option(cfg: Config, path: str) -> None:
    file = Path(path).with_name("config.py")
    cfg.dump(file)
    load_config(str(file), weights=path)


def by_test(cfg: Config, path: str) -> None:
    cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, dict()
    cfg.test_evaluator = cfg.val_evaluator
    apis.test(cfg, path)


def by_load_model(cfg: Config, path: str) -> None:
    load_model(cfg, path)


def by_mmengine(cfg: Config, path: str) -> None:
    load_checkpoint(torch.nn.Linear(2, 2), path, map_location="cpu")


def by_mmpretrain(cfg: Config, path: str) -> None:
    from mmpretrain import get_model

    get_model(cfg, pretrained=path)


PATHS = [
    by_load_from, by_resume_file, by_resume_auto, by_resume_in_the_config, by_mmengines_runner,
    by_init_cfg, by_init_weights, by_timm_scheme, by_weights_option, by_test, by_load_model,
    by_mmengine, by_mmpretrain,
]  # fmt: skip


@pytest.mark.parametrize("enter", PATHS)
def test_refused_on_every_path(enter: Callable, bad: tuple[Config, str]) -> None:
    with pytest.raises((ValueError, RuntimeError), match=r"holds more than data and is refused"):
        enter(*bad)


def test_refused_by_timms_own_loader(tmp_path: Path, mark: Path) -> None:
    pytest.importorskip("timm")
    torch.save({"state_dict": plain(mark)}, tmp_path / "a.pth")
    config = dict(
        type="mmpretrain.TIMMBackbone",
        model_name="test_efficientnet",
        checkpoint_path=str(tmp_path / "a.pth"),
    )
    with pytest.raises(Exception, match="weights_only"):
        MODELS.build(config)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address at which the files of a folder are served."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    (tmp_path / "served").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_refused_by_address(
    payload: str, server: str, tmp_path: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    torch.save({"state_dict": PAYLOADS[payload](mark)}, tmp_path / "served" / "bad.pth")
    torch.save({"state_dict": {"weight": torch.ones(2)}}, tmp_path / "served" / "good.pth")
    with pytest.raises(ValueError, match="holds more than data and is refused"):
        CheckpointLoader.load_checkpoint(f"{server}/bad.pth")
    good = CheckpointLoader.load_checkpoint(f"{server}/good.pth", map_location="cpu")
    assert_close(good["state_dict"]["weight"], torch.ones(2))


@pytest.mark.parametrize(
    ("scheme", "table"),
    [
        ("torchvision", "get_torchvision_models"),
        ("modelzoo", "get_torchvision_models"),
        ("open-mmlab", "get_external_models"),
        ("openmmlab", "get_external_models"),
        ("mmcls", "get_mmcls_models"),
    ],
)
def test_refused_by_published_name(
    scheme: str,
    table: str,
    server: str,
    tmp_path: Path,
    mark: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    names = {"bad": f"{server}/bad.pth", "good": f"{server}/good.pth"}
    monkeypatch.setattr(f"mmsrdl.checkpoint.{table}", lambda: names)
    torch.save({"state_dict": plain(mark)}, tmp_path / "served" / "bad.pth")
    state = {"backbone.weight": torch.ones(2), "head.bias": torch.ones(3)}
    torch.save({"state_dict": state}, tmp_path / "served" / "good.pth")
    with pytest.raises(ValueError, match="holds more than data and is refused"):
        CheckpointLoader.load_checkpoint(f"{scheme}://bad")
    good = CheckpointLoader.load_checkpoint(f"{scheme}://good")["state_dict"]
    assert list(good) == (["weight"] if scheme == "mmcls" else list(state))
    with pytest.raises(ValueError, match="no published weights have this name"):
        CheckpointLoader.load_checkpoint(f"{scheme}://other")


@pytest.mark.parametrize("address", ["s3://bucket/a.pth", "petrel://a.pth", "pavi://a.pth"])
def test_stores_that_only_mmengine_reads_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"mmsrdl reads files, https:// .* copy it to a file"):
        CheckpointLoader.load_checkpoint(address)


def test_a_config_in_a_checkpoint_is_not_run(run: tuple[Path, Path], tmp_path: Path) -> None:
    """MMEngine runs ``meta.config`` as Python when it resumes."""
    root, source = run
    mark = tmp_path / "ran"
    content = torch.load(source, weights_only=False)
    content["meta"]["config"] = f"value = 1\n{CODE.format(path=str(mark))}\n"
    torch.save(content, tmp_path / "epoch_1.pth")
    train(make_config(root, tmp_path, EPOCHS, BY_EPOCH), resume=str(tmp_path / "epoch_1.pth"))
    assert (tmp_path / "epoch_3.pth").exists()
    assert not mark.exists()


@pytest.mark.parametrize("cut", [0.0, 0.5, 0.99])
def test_torn(cut: float, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"weight": torch.arange(1000.0)}}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    with pytest.raises(TornCheckpointError, match=r"'.*a\.pth' is torn: .*earlier checkpoint"):
        read_checkpoint(path)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"weight": torch.arange(1000.0)}}, path)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data/0"))
        content[archive.getinfo(name).header_offset + 2000] ^= 1
    path.write_bytes(content)
    with pytest.raises(TornCheckpointError, match="is torn"):
        read_checkpoint(path)


def test_missing_and_without_weights(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"'nowhere.pth' does not exist; give"):
        read_state_dict("nowhere.pth")
    with pytest.raises(FileNotFoundError, match=r"' is a folder; give a checkpoint file"):
        read_state_dict(tmp_path)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="holds no state dict"):
        read_state_dict(tmp_path / "list.pth")


def test_what_mmengine_saves_is_understood(tmp_path: Path) -> None:
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=0.1, momentum=0.9)
    schedulers = [
        OneCycleLR(optimizer, eta_max=0.1, total_steps=9, anneal_strategy=strategy)
        for strategy in ("cos", "linear")
    ]
    content = dict(
        history=history,
        scalars=[np.float64(1.5), np.float32(2.5), np.int64(3), np.bool_(True)],
        schedulers=[scheduler.state_dict() for scheduler in schedulers],
    )
    torch.save(content, tmp_path / "a.pth")
    for _ in range(2):  # what was read can be saved, and is read again
        read = read_checkpoint(tmp_path / "a.pth")
        assert type(read["history"]) is HistoryBuffer
        assert read["history"].mean() == 1.5
        assert read["history"].statistics("max") == 2.0
        assert read["scalars"] == content["scalars"]
        assert read["schedulers"] == content["schedulers"]
        torch.save(read, tmp_path / "a.pth")


def test_dicts_of_a_config_become_plain(tmp_path: Path) -> None:
    meta = ConfigDict(classes=("a",), palette=[dict(a=(1, 2))], source=dict(of=dict(year=2014)))
    torch.save({"meta": {"dataset_meta": meta}}, tmp_path / "a.pth")
    read = read_checkpoint(tmp_path / "a.pth")["meta"]["dataset_meta"]
    assert read == dict(classes=("a",), palette=[{"a": (1, 2)}], source={"of": {"year": 2014}})
    for each in (read, read["palette"][0], read["source"], read["source"]["of"]):
        assert type(each) is dict


@pytest.mark.parametrize("content", [[("a", 1)], Call(ConfigDict), HistoryBuffer([1.0], [1])])
def test_of_dicts_alone_configs_are_made(content: Any, tmp_path: Path) -> None:
    torch.save({"meta": Call(ConfigDict, content)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="holds more than data and is refused"):
        read_checkpoint(tmp_path / "a.pth")


@pytest.mark.parametrize("how", [Call(OneCycle), object.__new__(OneCycle)])
def test_no_scheduler_is_built(how: Any, tmp_path: Path) -> None:
    """Its state could hold anything; files need its annealing functions alone."""
    torch.save({"meta": how}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"is refused.*OneCycleParamScheduler as an object"):
        read_checkpoint(tmp_path / "a.pth")


def test_functions_of_a_history_are_dropped(tmp_path: Path) -> None:
    history = HistoryBuffer([1.0], [1])
    history._statistics_methods = {"mean": torch.Tensor}
    torch.save({"history": history}, tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth")["history"].statistics("mean") == 1.0
    assert HistoryBuffer([4.0], [1]).statistics("mean") == 4.0


class Program(torch.nn.Module):
    """A TorchScript program with code of its own for when it is read."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.weight = torch.nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    """torch up to 2.5 loads it, and so runs its ``__setstate__``, in spite of weights_only."""
    torch.jit.save(torch.jit.script(Program("a")), tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a TorchScript program, which holds more than data and"):
        read_checkpoint(tmp_path / "a.pth")


@pytest.mark.parametrize(
    "content",
    [
        Call(np.ndarray, (4,), [("a", "O")], bytearray(32)),
        Call(np.ndarray, (4,), Call(np.dtype, [("a", "O")]), bytearray(32)),
        np.array([{"any": "object"}], dtype=object),
        np.zeros(2, dtype=[("a", "f4")]),
        np.array(["text"]),
    ],
)
def test_numbers_of_numpy_alone_pass(content: Any, tmp_path: Path) -> None:
    """Numpy takes bytes for addresses where a dtype says so."""
    torch.save({"meta": content}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="holds more than data and is refused"):
        read_checkpoint(tmp_path / "a.pth")


def test_arrays_of_numbers_pass(tmp_path: Path) -> None:
    arrays = [
        np.arange(6).reshape(2, 3).astype(dtype) for dtype in ("f8", ">f4", "i8", "u1", "?", "c8")
    ]
    content = {"a": arrays, "b": (np.asfortranarray(arrays[0]), np.float32(2.5))}
    for _ in range(2):
        torch.save(content, tmp_path / "a.pth")
        content = read_checkpoint(tmp_path / "a.pth")
        for found, array in zip(content["a"], arrays, strict=True):
            assert type(found) is np.ndarray
            assert found.dtype == array.dtype.newbyteorder("=")
            np.testing.assert_array_equal(found, array)
        np.testing.assert_array_equal(content["b"][0], arrays[0])
        assert content["b"][1] == 2.5


def test_nothing_but_nuls_is_torn(tmp_path: Path) -> None:
    """What a power cut leaves."""
    (tmp_path / "a.pth").write_bytes(bytes(5000))
    with pytest.raises(TornCheckpointError, match="is torn"):
        read_checkpoint(tmp_path / "a.pth")


def compressed(path: Path, method: int = zipfile.ZIP_DEFLATED) -> None:
    torch.save({"weight": torch.zeros(2**20)}, path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def large_bytearray(path: Path) -> None:
    torch.save({"weight": torch.ones(2), "meta": Call(bytearray, 2**40)}, path)


def large_legacy_bytearray(path: Path) -> None:
    content = {"weight": torch.ones(2), "meta": Call(bytearray, 2**40)}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def laughs(path: Path) -> None:
    nested: list = []
    for _ in range(60):
        nested = [nested, nested]
    torch.save({"weight": torch.ones(2), "meta": nested}, path)


def cycle(path: Path) -> None:
    nested: list = []
    nested.append(nested)
    torch.save({"weight": torch.ones(2), "meta": nested}, path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (compressed, r"'.*a\.pth' is refused: its .* bytes would become 4,19"),
        (partial(compressed, method=zipfile.ZIP_BZIP2), r"refused: its .* would become 4,19"),
        (partial(compressed, method=zipfile.ZIP_LZMA), r"refused: its .* would become 4,19"),
        (large_bytearray, r"refused, as it could run code .*bytearray"),
        (large_legacy_bytearray, r"refused, as it could run code .*bytearray"),
        (laughs, "lists that repeat each other without end"),
        (cycle, "refused, as it could run code"),
    ],
)
def test_bombs(write: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    write(tmp_path / "a.pth")
    with pytest.raises(ValueError, match=message):
        read_state_dict(tmp_path / "a.pth")
