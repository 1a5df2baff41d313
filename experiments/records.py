"""What a study keeps of itself as JSON, in the folder that it is about."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

__all__ = ["Record"]

Kept = TypeVar("Kept", bound="Record")


class Record:
    """Base of dataclasses that are kept as JSON in a folder.

    Attributes:
        FILE: Name of the file.
        OPTION: Option of the command line that names the folder.
        COMMAND: Command of the study that writes the file.
    """

    FILE: ClassVar[str]
    OPTION: ClassVar[str]
    COMMAND: ClassVar[str]

    @classmethod
    def load(cls: type[Kept], folder: str | os.PathLike[str]) -> Kept:
        """Reads the file of a folder.

        Raises:
            FileNotFoundError: If there is none.
        """
        return cls(**cls.read(folder))

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> dict[str, Any]:
        """Reads what :meth:`content` made; errors are those of :meth:`load`."""
        path = Path(folder, cls.FILE)
        if not path.is_file():
            study = cls.__module__.rpartition(".")[0]
            raise FileNotFoundError(
                f"{cls.OPTION} {folder}: there is no {cls.FILE}; `python -m {study} {cls.COMMAND}` "
                "writes it"
            )
        return json.loads(path.read_text(encoding="utf-8"))

    def content(self) -> dict[str, Any]:
        """Returns what is written."""
        return asdict(self)  # type: ignore[call-overload]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the file; the folder is made."""
        path = Path(folder, self.FILE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.content(), indent=2) + "\n", encoding="utf-8")
