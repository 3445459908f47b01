"""Checkpoints: a saved state as a file that is whole or refused, so that a run can always go on.

HDF5 behind a header of 512 bytes that holds length and sha256 of what follows: a file that was cut, or in which one
bit has changed, is refused before it is parsed. Every array of the state that persists is in it (`physim.state`), so
that a new array or term needs nothing here. Two checkpoints are kept; the older one serves if the newer is damaged.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from physim.errors import InputError
from physim.files import remove, replacing
from physim.generate.fiber_network import FiberNetwork
from physim.problems import file_text
from physim.progress import say
from physim.state import ARRAYS
from physim.world import STATUS, WORLD

if TYPE_CHECKING:
    from physim.simulation import Saved

_HEADER = 512
_MAGIC = "physim checkpoint 1"
_KEPT = 2


def write(path: Path, saved: Saved, notes: Mapping[str, int]) -> None:
    """Write a checkpoint whole or not at all; `notes` are numbers that come back with it. Raises OSError."""
    import h5py

    body = io.BytesIO()
    with h5py.File(body, "w", libver="earliest") as file:
        _put(file, saved, notes)
    content = body.getbuffer()
    header = f"{_MAGIC}\nbytes {len(content)}\nsha256 {hashlib.sha256(content).hexdigest()}\n".encode()
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(header.ljust(_HEADER, b"\n"))
        stream.write(content)


def _put(file: Any, saved: Saved, notes: Mapping[str, int]) -> None:
    """A state into a file, or a group of one."""
    for name, values in saved.arrays.items():
        file.create_dataset(f"state/{name}", data=values)
    for name, record in (("world", saved.world), ("status", saved.status)):
        file.create_dataset(name, data=np.frombuffer(record.tobytes(), np.uint8))
    for name, number in {**notes, "capacity": saved.capacity}.items():
        file.attrs[name] = int(number)
    if saved.network is not None:
        for field in fields(saved.network):
            value = getattr(saved.network, field.name)
            if isinstance(value, np.ndarray):
                file.create_dataset(f"fibers/{field.name}", data=value)
            else:
                file.require_group("fibers").attrs[field.name] = json.dumps(value)
    if saved.episodes is not None:
        file.create_dataset("episodes", data=saved.episodes)
    if saved.blood is not None:
        _put(file.create_group("blood"), saved.blood, {})


def read(path: Path) -> tuple[Saved, dict[str, int]]:
    """The saved state and its notes. Raises InputError for a file that is not a whole checkpoint of this version."""
    import h5py

    where = file_text(path)
    body = _whole_body(path, where)
    try:
        with h5py.File(io.BytesIO(body), "r") as file:
            return _parse(file, where)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{where}: is no checkpoint that this version can read ({said}); use another one") from None


def _whole_body(path: Path, where: str) -> bytes:
    try:
        if not path.is_file():
            raise InputError(f"{where}: no such checkpoint; give the folder of a run that has one")
        with path.open("rb") as stream:
            header = stream.read(_HEADER)
            match = re.match(rb"physim checkpoint (\d+)\nbytes (\d+)\nsha256 ([0-9a-f]{64})\n", header)
            if match is None:
                raise InputError(f"{where}: is no checkpoint of physim; use another one")
            if match[1] != _MAGIC.split()[-1].encode():
                raise InputError(f"{where}: checkpoint format {match[1].decode()[:9]} is not known; update physim")
            there = path.stat().st_size - _HEADER
            if there != int(match[2]):
                raise InputError(f"{where}: has {there:,} of {int(match[2]):,} bytes, it was cut; use another one")
            body = stream.read()
    except OSError as error:
        raise InputError(f"{where}: cannot be read: {error.strerror}; use another checkpoint") from None
    if hashlib.sha256(body).hexdigest().encode() != match[3]:
        raise InputError(f"{where}: its sha256 is not what its header says, it is damaged; use another checkpoint")
    return body


def _parse(file: Any, where: str) -> tuple[Saved, dict[str, int]]:
    from physim.simulation import Saved

    arrays = {}
    for name in file["state"]:
        if name not in ARRAYS:
            raise InputError(f"{where}: holds an array '{name[:40]}' that no term has; load the run's own terms")
        arrays[name] = _array(file["state"], name)
    world, status = (_record(_array(file, name), kind) for name, kind in (("world", WORLD), ("status", STATUS)))
    network = None
    if "fibers" in file:
        read = {name: json.loads(text) for name, text in file["fibers"].attrs.items()}
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in read.items()}
        plain |= {name: _array(file["fibers"], name) for name in file["fibers"]}
        network = FiberNetwork(**plain)
    notes = {name: int(number) for name, number in file.attrs.items()}
    blood = _parse(file["blood"], where)[0] if "blood" in file else None
    past = _array(file, "episodes").reshape(-1, 3) if "episodes" in file else None
    return Saved(arrays, world, status, notes.pop("capacity"), network, blood, past), notes


def _array(group: Any, name: str) -> np.ndarray:
    """A plain dataset in this file: no links into other files, no external or virtual storage, no filters."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"'{name}' is a link")
    data = group[name]
    if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual or data.chunks is not None:
        raise ValueError(f"'{name}' is stored elsewhere or otherwise")
    if data.dtype.kind not in "uif" or data.nbytes > data.id.get_storage_size():
        raise ValueError(f"'{name}' has no numbers")
    return data[()]


def _record(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    if values.dtype != np.uint8 or values.size != kind.itemsize:
        raise ValueError("made by another version")
    return np.frombuffer(values.tobytes(), kind)[0].copy()


def keep(folder: Path, saved: Saved, notes: Mapping[str, int]) -> Path:
    """Write `step_N.h5` into a folder that keeps it and the one before it. Raises OSError."""
    folder.mkdir(exist_ok=True)
    path = folder / f"step_{saved.step:012d}.h5"
    write(path, saved, notes)
    others = sorted(set(folder.glob("step_*.h5")) - {path})
    before = [other for other in others if other.name < path.name][1 - _KEPT :]
    remove(*(other for other in others if other not in before))  # later ones are of a future that did not come
    return path


def newest(folder: Path) -> tuple[Saved, dict[str, int]] | None:
    """The newest checkpoint of a folder that is whole; None without any. Raises InputError if all are damaged."""
    problems: list[str] = []
    for path in sorted(folder.glob("step_*.h5"), reverse=True):
        try:
            found = read(path)
        except InputError as error:
            problems += error.problems
        else:
            if problems:
                say("\n".join(problems) + f"\ngoing on from the one before, {path.name}")
            return found
    if problems:
        raise InputError(*problems)
    return None
