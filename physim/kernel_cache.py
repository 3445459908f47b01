"""The cache of built kernels that PoCL keeps: a folder of our own, and only what was seen whole in it.

PoCL aborts, or loads nonsense, where its cache cannot be written or holds a file that was cut. So the folder is tried
before PoCL is told of it, and files that are not as the last process that ended in good order left them (by sha256) are
removed, and built again. Where others use the folder at the moment, nothing is removed.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from physim.errors import DeviceError

_NEEDED_BYTES = 20_000_000
"""Free space without which a cache is not tried: what all kernels of a run take, twice."""
_MOST_BYTES = 400_000_000
"""A cache that has grown beyond this, over many versions and devices, is emptied."""
_MANIFEST = "manifest.json"
_note = ""


def prepare_cache() -> str:
    """Point PoCL at a kernel cache, once a process; returns a line that says where, and why if not the usual place.

    PHYSIM_CACHE names the folder. Raises DeviceError if there is no place for one.
    """
    global _note
    if _note and os.environ.get("POCL_CACHE_DIR"):
        return _note
    wanted = os.environ.get("PHYSIM_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(wanted) if wanted else Path(base) / "physim" / "kernels"
    problem = _objection(folder)
    if problem:
        refused = folder
        try:
            folder = Path(tempfile.mkdtemp(prefix="physim-kernels-"))
            second = _objection(folder)
        except OSError as error:
            second = error.strerror or "cannot be made"
        if second:
            raise DeviceError(
                f"kernel cache: {refused} {problem}, and the folder for temporary files {second}; "
                "set PHYSIM_CACHE to a folder with 20 MB of room"
            )
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _note = f"kernel cache: {folder} for this run only, because {refused} {problem}"
    else:
        _use(folder)
        _note = f"kernel cache: {folder}"
    os.environ["POCL_CACHE_DIR"] = str(folder)
    os.environ.setdefault("PYOPENCL_NO_CACHE", "1")  # a second cache, which fails where there is no home
    return _note


def _objection(folder: Path) -> str:
    """Why the folder cannot serve as a cache, or an empty string."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            return "belongs to somebody else"
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            folder.chmod(0o700)
        if shutil.disk_usage(folder).free < _NEEDED_BYTES:
            return "has less than 20 MB of room"
        with probe.open("wb") as file:
            file.write(bytes(65536))
            file.flush()
            os.fsync(file.fileno())
    except (OSError, ValueError) as error:
        return f"cannot be written ({getattr(error, 'strerror', None) or error})"
    finally:
        with suppress(OSError, ValueError):
            probe.unlink()
    return ""


def _use(folder: Path) -> None:
    """Check the folder if nobody else uses it, and note at the end of the process what is in it."""
    try:
        import fcntl
    except ImportError:
        return
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)  # open, and so held, as long as the process
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_changed(folder)
    except BlockingIOError:
        pass  # somebody else builds there; what is whole cannot be told from what is being written
    fcntl.flock(handle, fcntl.LOCK_SH)
    atexit.register(_note_whole, folder, handle)


def remove_changed(folder: Path) -> int:
    """Remove programs of which a file is not as the manifest says; returns how many."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        known = {str(name): str(digest) for name, digest in manifest.items()}
    except (OSError, ValueError, AttributeError):
        known = {}
    there = _digests(folder)
    whole = sum(path.stat().st_size for path in _files(folder)) < _MOST_BYTES
    bad = {_program(name) for name in {*there, *known} if not whole or there.get(name) != known.get(name)}
    for program in bad:
        shutil.rmtree(folder / program, ignore_errors=True)
    return len(bad)


def _note_whole(folder: Path, handle: int) -> None:
    """Write the manifest, if no other process is in the middle of writing kernels."""
    import fcntl

    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        temporary = folder / f".manifest-{os.getpid()}"
        temporary.write_text(json.dumps(_digests(folder)), "utf-8")
        os.replace(temporary, folder / _MANIFEST)


def _files(folder: Path) -> list[Path]:
    """Files of built programs; PoCL touches `last_accessed` at each use."""
    return [path for path in folder.glob("*/*/**/*") if path.is_file() and path.name != "last_accessed"]


def _digests(folder: Path) -> dict[str, str]:
    names = {path: path.relative_to(folder).as_posix() for path in _files(folder)}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for path, name in names.items()}


def _program(name: str) -> str:
    """Folder of the program that a file belongs to."""
    return "/".join(name.split("/")[:2])
