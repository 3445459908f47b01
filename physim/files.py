"""Files that appear complete or not at all: written under a temporary name, synced, renamed, folder synced.

Used by everything that `physim.record` and `physim.runner` write. Failures are OSErrors; the recorder words
them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from physim.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside `path`; what was written there then takes the place of `path`.

    If anything goes wrong, Ctrl-C included, `path` stays as it was and the temporary file is removed.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace a text file (UTF-8) by a complete new one."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


def copy_file(source: Path, path: Path) -> None:
    """A whole copy of a file, or none."""
    with replacing(path) as temporary:
        shutil.copyfile(source, temporary)


def write_json(path: Path, table: dict[str, Any]) -> None:
    """Replace a JSON file by a complete new one; numpy numbers are written as numbers, NaN as null."""
    write_text(path, json.dumps(_plain(table), indent=2, allow_nan=False) + "\n")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder against a second process that would write into it. Raises InputError if one does.

    The lock ends with the process, however that ends. Where the system has no such locks, nothing is held.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{folder}: another process is writing this run; wait for it, or stop it first") from None
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(*paths: Path) -> None:
    """Remove files that may not be there; never raises."""
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _sync(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and value - value != 0.0:
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
