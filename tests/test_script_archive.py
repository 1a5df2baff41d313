"""TorchScript archives: their tensors as data, and archives that would run code refused."""

import io
import os
import pickle
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmsrdl.checkpoint import (
    TornCheckpointError,
    read_checkpoint,
    read_script_tensors,
    read_weights,
)

# A pickle by hand: what Python's pickler refuses to write must be refused, too.


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"I%d\n" % value


def several(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    return name(module, attribute) + several(*arguments) + b"R"


def module(**attributes: bytes) -> bytes:
    items = b"".join(text(key) + value for key, value in attributes.items())
    return name("__torch__.any", "Module") + b")\x81}(" + items + b"ub"


def storage(key: str = "0", numel: int = 6, kind: str = "FloatStorage") -> bytes:
    return several(text("storage"), name("torch", kind), text(key), text("cpu"), number(numel)) + (
        b"Q"
    )


def tensor(
    numbers: bytes | None = None,
    size: tuple[int, ...] = (2, 3),
    stride: tuple[int, ...] = (3, 1),
    offset: int = 0,
) -> bytes:
    sizes, strides = (several(*map(number, values)) for values in (size, stride))
    hooks = call("collections", "OrderedDict")
    view = (numbers or storage(), number(offset), sizes, strides, b"\x89", hooks)
    return call("torch._utils", "_rebuild_tensor_v2", *view)


NUMBERS = np.arange(6, dtype=np.float32).tobytes()


def write(
    path: Path,
    content: bytes,
    entries: dict[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """Writes an archive around a pickle's content."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + content + b".")
        archive.writestr("a/constants.pkl", b"")
        for key, value in (entries or {"data/0": NUMBERS}).items():
            archive.writestr(f"a/{key}", value)
    return path


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """What a payload that ran would have written."""
    path = tmp_path / "ran"
    yield path
    assert not path.exists()


def code(mark: Path) -> bytes:
    return text(f"__import__('pathlib').Path({str(mark)!r}).touch()")


def plain(mark: Path) -> bytes:
    return call("builtins", "eval", code(mark))


def old_name(mark: Path) -> bytes:
    return call("__builtin__", "eval", code(mark))


def system(mark: Path) -> bytes:
    return call("os", "system", text(f"touch '{mark}'"))


def by_inst(mark: Path) -> bytes:
    return b"(" + code(mark) + b"ibuiltins\neval\n"


def by_obj(mark: Path) -> bytes:
    return b"(" + name("builtins", "eval") + code(mark) + b"o"


def by_stack(mark: Path) -> bytes:
    return text("builtins") + text("eval") + b"\x93" + several(code(mark)) + b"R"


def through_torch(mark: Path) -> bytes:
    """``torch`` is a module that imports others."""
    return call("torch", "os.system", text(f"touch '{mark}'"))


def through_storage(mark: Path) -> bytes:
    return call("torch", "FloatStorage.__class__.__base__.__subclasses__")


def through_loading(mark: Path) -> bytes:
    return call("torch", "load", text(str(mark)))


def through_a_rebuilt_type(mark: Path) -> bytes:
    arguments = name("builtins", "eval"), name("builtins", "str"), several(code(mark)), b"}"
    return call("torch._tensor", "_rebuild_from_type_v2", *arguments)


PAYLOADS: dict[str, Callable[[Path], bytes]] = {
    payload.__name__: payload
    for payload in (
        plain, old_name, system, by_inst, by_obj, by_stack,
        through_torch, through_storage, through_loading, through_a_rebuilt_type,
    )
}  # fmt: skip


@pytest.mark.parametrize("payload", [plain, system, by_inst, by_obj, by_stack])
def test_payloads_are_live(payload: Callable[[Path], bytes], tmp_path: Path) -> None:
    pickle.loads(b"\x80\x02" + payload(tmp_path / "ran") + b".")
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", ["attribute", "top", "hooks", "storage", "state"])
def test_payload_is_refused(place: str, payload: str, tmp_path: Path, mark: Path) -> None:
    bad = PAYLOADS[payload](mark)
    content = {
        "attribute": module(weight=tensor(), note=bad),
        "top": bad,
        "hooks": module(weight=tensor(), hooks=b"(" + bad + b"l"),
        "storage": module(weight=tensor(bad)),
        "state": name("__torch__", "Module") + b")\x81" + bad + b"b",
    }[place]
    path = write(tmp_path / "a.pt", content)
    for read in (read_script_tensors, read_weights):
        with pytest.raises(ValueError, match=r"more than weights and is refused, as it could run"):
            read(path)
    with pytest.raises(ValueError, match="a TorchScript program, which holds more than data"):
        read_checkpoint(path)


def add_payload(path: Path, mark: Path) -> None:
    """Puts a call before the end of a genuine archive's structure."""
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for key, content in entries.items():
            if key.endswith("/data.pkl"):
                content = content[:-1] + plain(mark) + b"0."
            archive.writestr(key, content)


class Small(nn.Module):
    """Has what an archive can hold: modules, a buffer, kinds of numbers, and a view."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2).half())
        self.register_buffer("count", torch.tensor(7))
        self.register_buffer("none", torch.empty(0, 5))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("view", torch.arange(12.0).view(3, 4)[1:, ::2].T)
        self.name = "any"

    def forward(self, x: Tensor) -> Tensor:
        return self.layer[0](x) + self.count + self.view.sum()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keeps torch.jit from saying that it is deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def genuine(tmp_path: Path, quiet: None) -> Path:
    torch.jit.save(torch.jit.trace(Small(), torch.ones(1, 3)), str(tmp_path / "small.pt"))
    return tmp_path / "small.pt"


def test_tensors_of_a_genuine_archive(genuine: Path) -> None:
    found, wanted = read_script_tensors(genuine), Small().state_dict()
    assert found.keys() == wanted.keys()
    for key, entry in found.items():
        assert entry.dtype == wanted[key].dtype
        assert torch.equal(entry, wanted[key]), key
    assert read_weights(genuine).keys() == wanted.keys()


def test_payload_in_a_genuine_archive(genuine: Path, mark: Path) -> None:
    add_payload(genuine, mark)
    with pytest.raises(ValueError, match=r"small\.pt' holds more than .*it names builtins\.eval"):
        read_script_tensors(genuine)


class WithCode(nn.Module):
    """Runs code of its own as torch.jit.load reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.training = True

    @torch.jit.export
    def __getstate__(self) -> tuple[Tensor, bool]:
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        print("the archive's code runs")
        self.weight, self.training = state[0], state[1]

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def test_code_of_an_archive_is_not_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], quiet: None
) -> None:
    path = str(tmp_path / "a.pt")
    torch.jit.save(torch.jit.script(WithCode()), path)
    capfd.readouterr()
    with pytest.raises(ValueError, match="a module whose state is none of attributes"):
        read_script_tensors(path)
    for read in (read_checkpoint, read_weights):
        with pytest.raises(ValueError, match="is refused, as it could run code"):
            read(path)
    assert "code runs" not in capfd.readouterr().out
    torch.jit.load(path)
    assert "the archive's code runs" in capfd.readouterr().out


def test_a_pickle_by_hand_is_read(tmp_path: Path) -> None:
    """What the refusals below are changes of."""
    found = read_script_tensors(write(tmp_path / "a.pt", module(sub=module(weight=tensor()))))
    assert list(found) == ["sub.weight"]
    assert found["sub.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


TWICE = module(x=tensor(), a=module(w=tensor()) + b"q\x07", b=b"h\x07")

FALSE: dict[str, bytes] = {
    "'w' lies outside of its numbers": module(w=tensor(size=(2, 4), stride=(3, 1))),
    "'o' lies outside of its numbers": module(o=tensor(offset=1)),
    "'e' lies outside of its numbers": module(e=tensor(size=(10**12,), stride=(0,))),
    "'n' is no tensor in memory": module(n=tensor(offset=-1)),
    "'m' is no tensor in memory": module(m=tensor(stride=(-3, 1))),
    "'d' is no tensor in memory": module(d=tensor(stride=(1,))),
    "'s' is no tensor in memory": module(s=tensor(text("numbers"))),
    "'t' has 24 bytes of numbers": module(t=tensor(storage(numel=10**12))),
    "'k' has 24 bytes of numbers": module(k=tensor(storage(kind="DoubleStorage"))),
    "no item named 'a/data/../1'": module(p=tensor(storage("../1"))),
    "it names torch.QInt8Storage": module(q=tensor(storage(kind="QInt8Storage"))),
    "the numbers of 'b' are of two kinds": module(a=tensor(), b=tensor(storage(kind="IntStorage"))),
    "the module 'b' is in it twice": TWICE,
    "it names what is no storage": module(p=text("a") + b"2\x86" * 60 + b"Q"),
    "'v' is no tensor in memory": module(v=tensor(size=(255,) * 10_000, stride=(0,) * 10_000)),
    "'l' is no tensor in memory": module(l=tensor(offset=1 << 63)),
    "is too long": module(**{"w" * 501: tensor()}),
    "it is no module": tensor(),
    "a module whose state is none of attributes": name("__torch__", "M") + b")\x81(I1\nlb",
    "numbers an object 4294967295": module(w=tensor() + b"r\xff\xff\xff\xff"),
    "takes 1 positional argument but 2 were given": module(
        w=name("collections", "OrderedDict") + several(text("a")) + b"R"
    ),
}


@pytest.mark.parametrize("message", FALSE)
def test_archive_that_lies(message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", FALSE[message])
    with pytest.raises(ValueError, match=r"a\.pt' holds more than weights") as error:
        read_script_tensors(path)
    assert message in str(error.value)


def test_compressed_zeros(tmp_path: Path) -> None:
    content = module(w=tensor(storage(numel=1 << 20), (1 << 20,), (1,)))
    entries = {"data/0": bytes(4 << 20)}
    path = write(tmp_path / "a.pt", content, entries, zipfile.ZIP_DEFLATED)
    assert os.path.getsize(path) < 1 << 16
    with pytest.raises(ValueError, match="the numbers of 'w' are more than the file holds"):
        read_script_tensors(path)


def test_what_would_unpack_to_far_more_than_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it, if only for its check sums, would take a day, or torch.load all memory."""
    entries = {"data/0": NUMBERS, "code/a": bytes(65 << 20)}
    path = write(tmp_path / "a.pt", module(w=tensor()), entries, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    for read in (read_script_tensors, read_checkpoint, read_weights):
        with pytest.raises(ValueError, match=r"would become 68,157,\d{3}, as entries"):
            read(path)


def test_numbers_on_top_of_each_other(tmp_path: Path) -> None:
    """Each storage holds the entries of the later ones: n bytes would give n squared."""
    inner, infos = bytes(1 << 12), []
    for i in reversed(range(9)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"a/data/{i}", inner)
            size = buffer.tell()
            infos.append((archive.getinfo(f"a/data/{i}"), size))
        inner = buffer.getvalue()[:size]
    tensors = {}
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for i, (info, _) in enumerate(reversed(infos)):
            kind = storage(str(i), info.file_size, "ByteStorage")
            tensors[f"w{i}"] = tensor(kind, (info.file_size,), (1,))
        archive.writestr("a/data.pkl", b"\x80\x02" + module(**tensors) + b".")
        archive.writestr("a/constants.pkl", b"")
        archive.writestr("rest", inner)
        end = archive.fp.tell()
        for info, size in infos:
            info.header_offset = end - size
            archive.filelist.append(info)
    # Later versions of Python find it by themselves.
    with pytest.raises(ValueError, match=r"are more than the file holds|is torn"):
        read_script_tensors(path)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"byteorder": b"big", "data/0": NUMBERS}, "its numbers are not little-endian"),
        ({"data/1": NUMBERS}, "There is no item named 'a/data/0'"),
    ],
)
def test_entries_of_the_archive(entries: dict, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", module(weight=tensor()), entries)
    with pytest.raises(ValueError, match=message):
        read_script_tensors(path)


def test_order_of_many_bytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {"byteorder": bytes(1 << 20), "data/0": NUMBERS}
    path = write(tmp_path / "a.pt", module(w=tensor()), entries, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    with pytest.raises(ValueError, match="its numbers are not little-endian"):
        read_script_tensors(path)


def test_several_structures_or_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", module(weight=tensor()))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("b/data.pkl", b"")
    with pytest.raises(ValueError, match=r"2 entries FOLDER/data\.pkl in place of one"):
        read_script_tensors(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/constants.pkl", b"")
    with pytest.raises(ValueError, match=r"0 entries FOLDER/data\.pkl in place of one"):
        read_script_tensors(path)


def test_structure_of_many_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", module(weight=tensor(), note=text("a" * (5 << 20))))
    with pytest.raises(ValueError, match=r"its data\.pkl has more than 4194304 bytes"):
        read_script_tensors(path)


def test_other_files(genuine: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_script_tensors(tmp_path / "nothing.pt")
    torch.save({"weight": torch.ones(2)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="is no archive of TorchScript; read it with"):
        read_script_tensors(tmp_path / "a.pth")
    assert list(read_weights(tmp_path / "a.pth")) == ["weight"]
    genuine.write_bytes(genuine.read_bytes()[:-200])
    with pytest.raises(TornCheckpointError, match="is torn"):
        read_weights(genuine)


def test_safetensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library: Any = pytest.importorskip("safetensors.torch", reason="needs the extra [openvocab]")
    path = tmp_path / "a.bin"
    library.save_file({"weight": torch.arange(3.0)}, path)
    assert read_weights(path)["weight"].tolist() == [0, 1, 2]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(TornCheckpointError, match=r"a\.bin' is torn"):
        read_weights(path)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(RuntimeError, match=r"pip install mmsrdl\[openvocab\]"):
        read_weights(path)


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    """A pickle can set attributes of what it names."""
    changed = b"}(" + text("__call__") + number(1) + b"u"
    stands = [("torch._utils", "_rebuild_tensor_v2"), ("collections", "OrderedDict")]
    stands += [("__torch__", "M"), ("torch", "FloatStorage")]
    for module_name, attribute in stands:
        for state in (changed, several(b"N", changed)):
            path = write(tmp_path / "a.pt", module(x=name(module_name, attribute) + state + b"b"))
            with pytest.raises(ValueError, match="holds more than weights"):
                read_script_tensors(path)
    test_a_pickle_by_hand_is_read(tmp_path)
