"""Image files of the same content."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

__all__ = ["same_content"]


def same_content(
    paths: Sequence[str | os.PathLike[str]], progress: Callable[[Sequence], Iterable] = iter
) -> list[list[int]]:
    """Finds files that are the same, byte by byte, whatever their names.

    Only files that are as long as another one are read.

    Args:
        paths: Files. Those that cannot be read are left out.
        progress: Wraps the files that are read, as :func:`rich.progress.track`.

    Returns:
        For each content that two files or more have, their places in ``paths``, in order. The same
        path twice counts.
    """
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    for place, path in enumerate(paths):
        try:
            by_size[os.stat(path).st_size].append(place)
        except OSError:
            continue
    candidates = [place for places in by_size.values() if len(places) > 1 for place in places]
    by_content: defaultdict[bytes, list[int]] = defaultdict(list)
    for place in progress(candidates):
        try:
            with open(paths[place], "rb") as file:
                # hashlib.file_digest needs Python 3.11.
                by_content[hashlib.blake2b(file.read(), digest_size=32).digest()].append(place)
        except OSError:
            continue
    return sorted(sorted(places) for places in by_content.values() if len(places) > 1)
