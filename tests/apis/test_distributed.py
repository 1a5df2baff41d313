import pytest

from mmsrdl.apis.distributed import _name_processes

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "SLURM_NODELIST")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)


def named() -> dict[str, str]:
    import os

    return {name: os.environ[name] for name in NAMES[:5]}


@pytest.mark.parametrize(
    ("launcher", "prefix", "endings"),
    [
        ("slurm", "SLURM_", ("PROCID", "NTASKS", "LOCALID")),
        ("mpi", "OMPI_COMM_WORLD_", ("RANK", "SIZE", "LOCAL_RANK")),
    ],
)
def test_launchers_name_their_processes(
    launcher: str, prefix: str, endings: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for ending, value in zip(endings, ("5", "8", "1"), strict=True):
        monkeypatch.setenv(prefix + ending, value)
    monkeypatch.setenv("MASTER_ADDR", "first")
    _name_processes(launcher)
    assert list(named().values()) == ["5", "8", "1", "first", "29500"]


def test_slurm_says_the_first_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for ending, value in (
        ("PROCID", "0"),
        ("NTASKS", "2"),
        ("LOCALID", "0"),
        ("NODELIST", "n[1-2]"),
    ):
        monkeypatch.setenv(f"SLURM_{ending}", value)
    asked = []

    def hostnames(command: list[str], text: bool) -> str:
        asked.append(command)
        return "n1\nn2\n"

    monkeypatch.setattr("subprocess.check_output", hostnames)
    _name_processes("slurm")
    assert asked == [["scontrol", "show", "hostname", "n[1-2]"]]
    assert named()["MASTER_ADDR"] == "n1"


@pytest.mark.parametrize("launcher", ["pytorch", "slurm", "mpi"])
def test_started_by_hand(launcher: str) -> None:
    message = (
        rf"--launcher {launcher}: RANK, WORLD_SIZE, MASTER_ADDR not set .*leave --launcher out"
    )
    with pytest.raises(ValueError, match=message):
        _name_processes(launcher)
