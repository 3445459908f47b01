"""A run's folder: made once, its list of frames, and how failures to write it are worded. See `physim.record`."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from physim.errors import InputError, PhysimError

Entry = tuple[float, str, str]
"""Hours, kind of part, file: one line of run.pvd."""
_PARTS = ("cells", "fibers", "links", "obstacles", "shells", "vessels", "centerlines")


class RecordError(PhysimError, OSError):
    """A file of the run cannot be written; the frames before stay whole. Exit code 3."""

    exit_code = 3


def new_run_folder(parent: Path, name: str) -> Path:
    """A new folder `name` in `parent`, or `name-2`, ...: never one that exists. Raises InputError."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            folder = parent / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
    except OSError as error:
        remedy = "give another folder with --out"
        raise InputError(f"{parent / name}: cannot be made: {error.strerror}; {remedy}") from None


@contextmanager
def writing(path: Path, kept: str) -> Iterator[None]:
    """Turns an OSError into a RecordError: one line of the path, the reason, what is kept and the remedy."""
    try:
        yield
    except RecordError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "free some space or use another disk"
        raise RecordError(f"{path}: cannot be written: {reason}; {kept}; {remedy}") from error


def read_info(folder: Path) -> dict[str, Any]:
    """run.json of a run. Raises InputError."""
    try:
        info = json.loads((folder / "run.json").read_text("utf-8"))
        assert isinstance(info, dict)
    except (OSError, ValueError, AssertionError):
        raise InputError(f"{folder}: has no readable run.json; give the folder that 'physim run' made") from None
    return info


def entries(folder: Path) -> list[tuple[float, str, str]]:
    """(hours, kind, file) of every entry of run.pvd; none before the first frame is complete."""
    try:
        root = ElementTree.parse(folder / "run.pvd").getroot()
    except FileNotFoundError:
        return []
    except (OSError, ElementTree.ParseError) as error:
        raise InputError(f"{folder / 'run.pvd'}: cannot be read ({error}); start the run anew") from None
    return [(float(e.get("timestep", "0")), e.get("name", ""), e.get("file", "")) for e in root.iter("DataSet")]


def pvd(listed: list[Entry]) -> str:
    """The list of frames for ParaView; times in hours."""
    head = '<?xml version="1.0"?>\n<VTKFile type="Collection" version="1.0" byte_order="LittleEndian">\n'
    lines = [
        f'    <DataSet timestep="{hours:.12g}" part="{_PARTS.index(kind)}" name="{kind}" file={quoteattr(name)}/>\n'
        for hours, kind, name in listed
    ]
    return head + "  <Collection>\n" + "".join(lines) + "  </Collection>\n</VTKFile>\n"
