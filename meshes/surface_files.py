"""Triangles from STL, OBJ, PLY and VTP files, as they are; `meshes.closed` then checks and repairs them.

trimesh gives an empty mesh for garbage, and part of one for a file that was cut; VTK's reader aborts on nonsense. So
what a file declares must fit its size before anything is read, and what was read must fit what was declared. Both
libraries run in a process of their own, with limits (`python -m physim.meshes.surface_files FILE SECONDS`), which
writes plain arrays to its standard output.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.generate.fibers_vtp import BYTES_PER_SECOND, MEMORY, SECONDS
from physim.meshes import declared
from physim.problems import file_text
from physim.tables import readable_size

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
LARGEST_FILE = 200_000_000
MOST_TRIANGLES = declared.MOST
FARTHEST = 1e7
"""um; coordinates beyond are a mistake."""
KINDS = {".stl": declared.stl, ".obj": declared.obj, ".ply": declared.ply, ".vtp": declared.vtp}


def read_triangles(path: str | Path, *, unit: float = 1.0) -> tuple[Points, Ids]:
    """Vertices (V, 3) in um and triangles (T, 3) of a file in whose coordinates 1 is `unit` um.

    Larger faces are parted into triangles; materials and other files that one names are not read. Raises InputError:
    what is wrong, where, and what to do.
    """
    path = Path(path)
    if path.suffix.lower() not in KINDS:
        raise InputError(f"{file_text(path)}: is neither .stl, .obj, .ply nor .vtp; export the surface as one of these")
    if not (np.isfinite(unit) and unit > 0):
        raise InputError(f"unit {unit:g}: must be above 0, in um")
    size, _ = readable_size(path, LARGEST_FILE)
    if not size:
        raise InputError(f"{path.name}: is empty; export the surface again")
    least = KINDS[path.suffix.lower()](path, size)
    arrays = _child(path, size)
    vertices, faces = np.asarray(arrays["vertices"], np.float64), np.asarray(arrays["faces"], np.int64)
    if not (vertices.ndim == faces.ndim == 2 and vertices.shape[1] == faces.shape[1] == 3):
        raise InputError(f"{path.name}: is no mesh of triangles; export the surface again")
    least = max(least, int(arrays["least"]), 1)
    if len(faces) < least:
        raise InputError(f"{path.name}: {len(faces):,} triangles could be read of {least:,}; is it a whole mesh? "
                         "Export it again")  # fmt: skip
    if len(faces) > MOST_TRIANGLES:
        raise InputError(f"{path.name}: has {len(faces):,} triangles, more than {MOST_TRIANGLES:,}; make it coarser")
    outside = ((faces < 0) | (faces >= len(vertices))).any(axis=1)
    if outside.any():
        k = int(np.flatnonzero(outside)[0])
        raise InputError(f"{path.name}: triangle {k} has the vertices {faces[k].tolist()}, but there are "
                         f"{len(vertices):,}; export the surface again")  # fmt: skip
    vertices = unit * vertices
    bad = np.asarray(~(np.abs(vertices) <= FARTHEST).all(axis=1), np.bool_)
    bad[np.setdiff1d(np.arange(len(vertices)), faces)] = False
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        raise InputError(f"{path.name}: vertex {k} is at {vertices[k].tolist()}, not within {FARTHEST:g} um; "
                         "repair the surface, or give the unit")  # fmt: skip
    return vertices, faces


def _child(path: Path, size: int) -> dict[str, np.ndarray]:
    """What the libraries read, from another process."""
    seconds = SECONDS + size / BYTES_PER_SECOND
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "VTK_SMP_MAX_THREADS": "1"}
    command = [sys.executable, "-m", "physim.meshes.surface_files", str(path.absolute()), f"{seconds:.0f}"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, env=environment, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise InputError(f"{path.name}: could not be read within {seconds:.0f} s; make it smaller") from None
    if done.returncode:
        text = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = text[-1][:200] if text and done.returncode == 2 else "it could not be read"
        raise InputError(f"{path.name}: {said}; is it a whole {path.suffix[1:].upper()} file?")
    try:
        with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ("vertices", "faces", "least")}
    except (OSError, ValueError, KeyError):
        raise InputError(f"{path.name}: it could not be read; is it a whole file?") from None


def _limit(seconds: int) -> None:
    """Bound the memory and the time of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _of_trimesh(path: Path) -> dict[str, Any]:
    """What trimesh reads of an STL, OBJ or PLY file, and how many triangles there are at least. Raises ValueError."""
    import trimesh

    data, kind = path.read_bytes(), path.suffix.lower()[1:]
    least = 0
    if kind == "obj":
        least = _check_obj(data)
    elif data[:84].lstrip()[:5].lower() == b"solid" and b"\0" not in data[:1000]:
        least = data.lower().count(b"endfacet")
    options: dict[str, Any] = {"skip_materials": True} if kind == "obj" else {}
    try:
        mesh: Any = trimesh.load_mesh(io.BytesIO(data), file_type=kind, process=False, **options)
        return {"vertices": mesh.vertices, "faces": mesh.faces, "least": least}
    except MemoryError:
        raise
    except (UnicodeError, ImportError):  # it asks for a library that guesses what text such bytes might be
        raise ValueError("has bytes that are no text") from None
    except Exception as problem:  # trimesh raises what its many readers do
        raise ValueError(f"it could not be read ({type(problem).__name__})") from None


def _check_obj(data: bytes) -> int:
    """Faces of an OBJ file. Its vertices are numbered from 1, or from -1 backwards; trimesh lets others pass."""
    vertices = faces = 0
    for number, line in enumerate(data.splitlines(), 1):
        if line.startswith((b"v ", b"v\t")):
            vertices += 1
        elif line.startswith((b"f ", b"f\t")):
            faces += 1
            corners = [int(word.split(b"/", 1)[0]) for word in line.split()[1:]]
            if len(corners) < 3 or not all(0 < abs(corner) <= vertices for corner in corners):
                raise ValueError(f"line {number}: face {corners[:4]} does not fit the {vertices:,} vertices before")
    return faces


def _of_vtk(path: Path) -> dict[str, Any]:
    """The polygons and strips that VTK reads, as triangles. Raises ValueError."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkTriangleFilter
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    problems: list[str] = []
    reader: Any = vtkXMLPolyDataReader()
    for talker in (reader, reader.GetExecutive()):  # observed, or VTK prints many lines itself
        talker.AddObserver("ErrorEvent", lambda *_: problems.append("error"))
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    if problems or reader.GetErrorCode() or data is None or data.GetPoints() is None:
        raise ValueError("VTK finds errors in it")
    for cells in (data.GetPolys(), data.GetStrips()):
        members = np.asarray(vtk_to_numpy(cells.GetConnectivityArray()), np.int64)
        offsets = np.asarray(vtk_to_numpy(cells.GetOffsetsArray()), np.int64)
        if len(members) and (members.min() < 0 or members.max() >= data.GetNumberOfPoints()):
            raise ValueError(f"its polygons use vertex {members.max():,}, but there are {data.GetNumberOfPoints():,}")
        if len(offsets) > 1 and (offsets[0] != 0 or offsets[-1] != len(members) or (np.diff(offsets) < 3).any()):
            raise ValueError("its polygons have fewer than 3 vertices or overlap")
    parted: Any = vtkTriangleFilter()
    parted.SetInputData(data)
    parted.PassVertsOff()
    parted.PassLinesOff()
    parted.Update()
    made = parted.GetOutput()
    return {"vertices": np.asarray(vtk_to_numpy(made.GetPoints().GetData()), np.float64),
            "faces": np.asarray(vtk_to_numpy(made.GetPolys().GetConnectivityArray()), np.int64).reshape(-1, 3),
            "least": data.GetNumberOfPolys()}  # fmt: skip


if __name__ == "__main__":
    _limit(int(sys.argv[2]))
    file = Path(sys.argv[1])
    try:
        converted = _of_vtk(file) if file.suffix.lower() == ".vtp" else _of_trimesh(file)
    except MemoryError:
        print("it would need too much memory", file=sys.stderr)
        sys.exit(2)
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    np.savez(sys.stdout.buffer, **converted)
