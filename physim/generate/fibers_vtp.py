"""Polylines from VTP files (VTK XML poly data). VTK reads them in a process of its own, with limits.

VTK's reader allocates what a file declares and may abort the process on nonsense, so the XML in front of the data is
read here first: what is declared must fit the size of the file. The child (`python -m physim.generate.fibers_vtp FILE`)
then writes the points as plain arrays to its standard output.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

from physim.errors import InputError
from physim.generate.fiber_files import MOST_POINTS, Polylines, checked

MEMORY = 1 << 31
"""Bytes of address space of the child."""
SECONDS = 8.0
BYTES_PER_SECOND = 2e7
DENSEST = 1100
"""No compressor of VTK makes data smaller than by this factor (zlib 1032, LZ4 255)."""
LONGEST_HEADER = 1 << 20
WIDTHS = ("diameter", "width", "thickness", "radius")


class _DataBegin(Exception):  # noqa: N818
    """The data have begun; nothing after them is XML that has to be read."""


def read_vtp(path: Path, size: int) -> Polylines:
    """The polylines of a VTP file of `size` bytes. Raises InputError."""
    points, first, width = read_lines(path, size)
    return checked(points, first, width, path, lambda row, owner: f"line {owner}, point {row - first[owner]}")


def read_lines(path: Path, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (P, 3), first (F + 1,) and diameters (P,) or (0,) of the lines, as they are. Raises InputError."""
    _check_declared(path, size)
    arrays = _child(path, size)
    points, first = arrays["points"], arrays["first"]
    sound = (
        points.ndim == 2 and points.shape[1:] == (3,) and first.ndim == 1 and len(first) > 1
        and first[0] == 0 and first[-1] == len(points) and (np.diff(first) >= 1).all()
    )  # fmt: skip
    if not sound:
        raise InputError(f"{path.name}: its lines do not fit its points; write the file again")
    return points, first, arrays["width"]


def _check_declared(path: Path, size: int) -> None:
    """Refuse what is no VTP file, has a document type, or declares more points or lines than its bytes can hold."""
    told: dict[str, Any] = {"points": 0, "lines": 0, "other": 0, "compressor": "", "pieces": 0, "depth": 0}

    def start(tag: str, attributes: dict[str, str]) -> None:
        told["depth"] += 1
        if told["depth"] == 1 and (tag != "VTKFile" or attributes.get("type") != "PolyData"):
            kind = attributes.get("type", "nothing") if tag == "VTKFile" else tag
            raise InputError(f"{path.name}: holds {kind[:40]}, no VTK PolyData; export polylines as .vtp")
        if told["depth"] > 20:
            raise InputError(f"{path.name}: is nested deeper than any VTP file; write it again")
        if tag == "VTKFile":
            told["compressor"] = attributes.get("compressor", "")
        if tag == "Piece":
            told["pieces"] += 1
            told["points"] += _count(attributes, "NumberOfPoints")
            told["lines"] += _count(attributes, "NumberOfLines")
            told["other"] += sum(_count(attributes, f"NumberOf{kind}") for kind in ("Polys", "Strips", "Verts"))
        if tag == "AppendedData":
            raise _DataBegin

    def end(tag: str) -> None:
        told["depth"] -= 1

    def _count(attributes: dict[str, str], key: str) -> int:
        text = attributes.get(key, "0").strip()
        if not text.isdecimal() or not text.isascii() or len(text) > 20:
            raise InputError(f'{path.name}: {key} = "{text[:40]}" is no count; write the file again')
        return int(text)

    def refuse(*_: Any) -> None:
        raise InputError(f"{path.name}: has a document type or entities, which no VTP file needs; remove them")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.buffer_text = False
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 16):
                parser.Parse(block, False)
            parser.Parse(b"", True)
    except _DataBegin:
        pass
    except expat.ExpatError as error:
        raise InputError(
            f"{path.name}: line {error.lineno} is no XML ({expat.ErrorString(error.code)}); "
            "is it a whole VTP file?"
        ) from None
    if not told["lines"]:
        other = f", but {told['other']:,} other cells" if told["other"] else ""
        raise InputError(f"{path.name}: has no lines{other}; export polylines")
    bytes_each = 6 if not told["compressor"] else 12 / DENSEST  # as text a coordinate has two characters at least
    for what, least in (("points", bytes_each), ("lines", bytes_each / 6)):
        if told[what] > MOST_POINTS:
            raise InputError(f"{path.name}: declares {told[what]:,} {what}, more than {MOST_POINTS:,}; cut out a part")
        if told[what] * least > size:
            raise InputError(
                f"{path.name}: declares {told[what]:,} {what}, more than its {size:,} bytes can hold; "
                "the file is damaged, write it again"
            )


def _child(path: Path, size: int) -> dict[str, np.ndarray]:
    """What VTK reads, from another process."""
    seconds = SECONDS + size / BYTES_PER_SECOND
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "VTK_SMP_MAX_THREADS": "1"}
    command = [sys.executable, "-m", "physim.generate.fibers_vtp", str(path.absolute()), f"{seconds:.0f}"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, env=environment, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise InputError(f"{path.name}: VTK did not read it within {seconds:.0f} s; write a smaller file") from None
    if done.returncode:
        text = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = text[-1][:200] if text and done.returncode == 2 else "VTK could not read it"
        raise InputError(f"{path.name}: {said}; is it a whole VTP file?")
    try:
        with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ("points", "first", "width")}
    except (OSError, ValueError, KeyError):
        raise InputError(f"{path.name}: VTK could not read it; is it a whole VTP file?") from None


def _limit(seconds: int) -> None:
    """Bound the memory and the time of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _convert(path: str) -> dict[str, np.ndarray]:
    """Points (P, 3) of all lines, one after the other, first (F + 1,) and width (P,) or (0,). Raises ValueError."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    problems: list[str] = []
    reader: Any = vtkXMLPolyDataReader()
    for talker in (reader, reader.GetExecutive()):  # observed, or VTK prints many lines itself
        talker.AddObserver("ErrorEvent", lambda *_: problems.append("error"))
    reader.SetFileName(path)
    reader.Update()
    data = reader.GetOutput()
    if problems or reader.GetErrorCode() or data is None or data.GetPoints() is None:
        raise ValueError("VTK finds errors in it")
    points = np.asarray(vtk_to_numpy(data.GetPoints().GetData()), np.float64).reshape(-1, 3)
    lines = data.GetLines()
    offsets = np.asarray(vtk_to_numpy(lines.GetOffsetsArray()), np.int64)
    members = np.asarray(vtk_to_numpy(lines.GetConnectivityArray()), np.int64)
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != len(members) or (np.diff(offsets) < 1).any():
        raise ValueError("its lines have no points or overlap")
    if len(members) > MOST_POINTS:
        raise ValueError(f"its lines have {len(members):,} points, more than {MOST_POINTS:,}")
    if members.min() < 0 or members.max() >= len(points):
        raise ValueError(f"its lines use point {max(members.max(), -members.min())}, but there are {len(points):,}")
    width = np.empty(0)
    for index in range(data.GetPointData().GetNumberOfArrays()):
        array = data.GetPointData().GetArray(index)
        name = (array.GetName() or "").lower().split(" ")[0].removesuffix("_um") if array else ""
        if name in WIDTHS and array.GetNumberOfComponents() == 1 and not len(width):
            values = np.asarray(vtk_to_numpy(array), np.float64)
            if len(values) == len(points):
                width = values[members] * (2.0 if name == "radius" else 1.0)
    return {"points": points[members], "first": offsets, "width": width}


if __name__ == "__main__":
    _limit(int(sys.argv[2]))
    try:
        converted = _convert(sys.argv[1])
    except MemoryError:
        print("VTK would need too much memory", file=sys.stderr)
        sys.exit(2)
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    np.savez(sys.stdout.buffer, **converted)  # type: ignore[arg-type]
