"""Small recorded runs without a simulation: cells, fibers and links put where a test wants to find them.

And how their files are read back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from physim.generate.fiber_network import Box, assemble
from physim.record import Recorder, Snapshot

NAMES = ("tumor", "fibroblast")


def network(begin: Any, end: Any, size: float = 100.0) -> Any:
    """Fibers of one segment each."""
    begin, end = np.array(begin, float), np.array(end, float)
    none = np.zeros((0, 2))
    box = Box(np.zeros(3), np.full(3, size), (False,) * 3)
    return assemble(begin, end, np.arange(len(begin)), none.astype(int), none, box, 0.2)


def snapshot(minutes: float, position: Any, *, kind: Any = 0, departed: Any = np.nan, radius: Any = 8.0,
             nucleus: Any = 4.0, links: Any = (), fibers: Any = None) -> Snapshot:  # fmt: skip
    """Cells at (n, 3) um with ids 0, 1, ...; `links` are (cell, point on fiber, tension nN).

    `fibers` are of `moved` or `thinned`.
    """
    position = np.array(position, float).reshape(-1, 3)
    n = len(position)
    each = lambda value, kind: np.broadcast_to(np.array(value, kind), n).copy()  # noqa: E731
    holder = np.array([link[0] for link in links], int)
    vectors = {name: np.zeros((n, 3), np.float32) for name in ("polarity", "velocity", "force")}
    cells = {
        "id": np.arange(n, dtype=np.uint32), "type": each(kind, np.uint32), "position": position,
        "radius": each(radius, np.float32), "nucleus_radius": each(nucleus, np.float32),
        "cadherin": each(1, np.float32), "integrin": each(1, np.float32), "mmp": each(1, np.float32), **vectors,
        "bound_links": np.bincount(holder, minlength=n).astype(np.int32), "link_force": each(0, np.float32),
        "junctions": each(0, np.int32), "departed": each(departed, float),
    }  # fmt: skip
    held = {
        "cell_id": holder.astype(np.uint32),
        "cell_position": position[holder],
        "point": np.array([link[1] for link in links], float).reshape(-1, 3),
        "tension": np.array([link[2] for link in links], np.float32),
    }
    return Snapshot(round(minutes * 10), minutes, cells, held, {}, fibers)


def moved(net: Any, displacement: Any, tension: Any = 0.0) -> dict[str, np.ndarray]:
    """Fibers of a snapshot whose nodes have moved by (N, 3) um, and whose segments bear (M,) nN."""
    displacement = np.broadcast_to(np.array(displacement, float), net.nodes.shape)
    return {"position": net.box.wrap(net.nodes + displacement), "displacement": displacement,
            "tension": np.broadcast_to(np.array(tension, float), len(net.segments))}  # fmt: skip


def thinned(net: Any, area: Any) -> dict[str, np.ndarray]:
    """Fibers of a snapshot that are held and cut: what is left of the cross-section of each segment, (M,)."""
    return {"position": net.nodes, "area": np.broadcast_to(np.array(area, float), len(net.segments))}


def record(folder: Path, snapshots: list[Snapshot], *, fibers: Any = None, size: float = 100.0,
           boundary: str = "open", finish: bool = True) -> Path:  # fmt: skip
    """The folder of a run with these records; one still in progress if not `finish`ed."""
    folder.mkdir(parents=True, exist_ok=True)
    box = {"lower_um": [0.0] * 3, "upper_um": [size] * 3, "boundary": [boundary] * 3}
    recorder = Recorder(folder, scenario_toml='title = "x"\n', run_info={"box": box}, network=fibers, type_names=NAMES)
    for taken in snapshots:
        recorder.write(taken)
    if finish:
        recorder.finish("complete")
    return folder


def read_vtp(path: Path) -> Any:
    """The vtkPolyData of a file, which must be whole."""
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    assert reader.GetErrorCode() == 0
    return reader.GetOutput()
