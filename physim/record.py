"""The record: what a run leaves behind in its folder, readable while the run goes on. `viz` reads only this.

    scenario.toml    as resolved                     run.pvd              open this in ParaView
    run.json         status, versions, device        frames/cells_N.vtp   positions and what cells carry
    cells.parquet    one row per cell and record     frames/links_N.vtp   links from cells to fibers
    summary.txt      words and numbers               fibers.vtp           the network, once

Pictures, plots and `open_in_paraview.py` beside them are of `viz`.

Units are in the names of VTP arrays and in the field metadata of the table. Times are in hours. A frame is
listed in run.pvd only when all its files are complete, so a crash or a full disk leaves the earlier frames
readable.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np

from physim import cell_table, vtk_files
from physim.errors import InputError, PhysimError
from physim.files import remove, sync_folder, write_json, write_text
from physim.versions import versions

if TYPE_CHECKING:
    from physim.generate.fiber_network import FiberNetwork

__all__ = ["RecordError", "Recorder", "Snapshot", "new_run_folder", "writing"]

CELL_ARRAYS = {
    "id": "",
    "type": "",
    "radius": "um",
    "nucleus_radius": "um",
    "cadherin": "",
    "integrin": "",
    "polarity": "",
    "velocity": "um/min",
    "force": "nN",
    "bound_links": "",
    "link_force": "nN",
    "junctions": "",
    "departed": "h",
}
"""Arrays of cells_N.vtp beside the positions, with their units: `velocity (um/min)`, `id`."""


class RecordError(PhysimError, OSError):
    """A file of the run cannot be written; the frames before stay whole. Exit code 3."""

    exit_code = 3


@dataclass(frozen=True)
class Snapshot:
    """The state at one record time, as read back from the device; n cells sorted by id, m links."""

    step: int
    """Steps completed."""
    time: float
    """min"""
    cells: dict[str, np.ndarray]
    """id, type, position (n, 3) um, radius, nucleus_radius um, cadherin, integrin, polarity (n, 3),
    velocity (n, 3) um/min, force (n, 3) nN, bound_links, link_force nN (sum of tensions), junctions,
    departed (min, NaN if in the box)."""
    links: dict[str, np.ndarray] | None
    """cell_id, cell_position (m, 3) um, point (m, 3) um on the fiber, tension nN; None: not kept."""
    counters: dict[str, int | float]
    """What the engine counted since the start."""


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


class Recorder:
    """Writes a run into `folder`, which must exist and be empty.

    `run_info` goes into run.json as it is (seed, device, box ...), `type_names` are the legend of `type`.
    Raises RecordError.
    """

    def __init__(
        self,
        folder: Path,
        *,
        scenario_toml: str,
        run_info: dict[str, Any],
        network: FiberNetwork | None,
        type_names: Sequence[str],
    ) -> None:
        self.folder = folder
        self.type_names = tuple(type_names)
        self.frames = 0
        """Complete frames."""
        self.last_time = float("nan")
        """min, of the last complete frame."""
        self._listed: list[str] = []
        self._has_fibers = network is not None
        self._begin = time.perf_counter()
        self.info: dict[str, Any] = {
            "status": "running",
            "started": _now(),
            "versions": versions(),
            **run_info,
        }
        with self._writing(folder):
            for name in ("frames", "table"):
                (folder / name).mkdir()
            write_text(folder / "scenario.toml", scenario_toml)
            if network is not None:
                dropped = write_fibers(folder / "fibers.vtp", network)
                self.info["fibers"] = {"segments": len(network.segments), "not_drawn": dropped}
            write_json(folder / "run.json", self.info)

    def write(self, snapshot: Snapshot) -> None:
        """Add a frame and its table rows: complete files first, then the list of frames that names them."""
        number = f"{self.frames:06d}"
        part = self.folder / "table" / f"part_{number}.parquet"
        names = {"cells": f"frames/cells_{number}.vtp"}
        if self._has_fibers:
            names["fibers"] = "fibers.vtp"
        if snapshot.links is not None:
            names["links"] = f"frames/links_{number}.vtp"
        hours = snapshot.time / 60
        listed = [*self._listed, *(_dataset(hours, kind, name) for kind, name in names.items())]
        try:
            with self._writing(self.folder / names["cells"]):
                self._write_cells(self.folder / names["cells"], snapshot)
                if snapshot.links is not None:
                    _write_links(self.folder / names["links"], snapshot.links, _clock(snapshot))
                cell_table.write(part, cell_table.rows(snapshot.time, snapshot.cells))
            with self._writing(self.folder / "run.pvd"):
                write_text(self.folder / "run.pvd", _pvd(listed))
        except BaseException:
            if not self._lists(names["cells"]):
                remove(part, *(self.folder / name for kind, name in names.items() if kind != "fibers"))
            raise
        self._listed = listed
        self.frames += 1
        self.last_time = snapshot.time
        self.info["counters"] = dict(snapshot.counters)

    def finish(self, status: str, **info: Any) -> None:
        """Join the table and write run.json with `status` ("complete", "interrupted", "stopped: reason").

        May be called again, with another status or more `info`.
        """
        self.info |= {
            "status": status,
            "finished": _now(),
            "wall_seconds": round(time.perf_counter() - self._begin, 3),
            "frames": self.frames,
            "last_frame_h": self.last_time / 60,
            **info,
        }
        with self._writing(self.folder / "cells.parquet"):
            cell_table.join(self.folder / "table", self.folder / "cells.parquet")
        with self._writing(self.folder / "run.json"):
            write_json(self.folder / "run.json", self.info)
            sync_folder(self.folder.parent)

    def _writing(self, path: Path) -> Any:
        kept = f"{self.frames} complete frames are kept" if self.frames else "no frame is complete yet"
        return writing(path, kept)

    def _lists(self, name: str) -> bool:
        """Whether run.pvd on disk already names a file; then the file must stay."""
        try:
            return name in (self.folder / "run.pvd").read_text("utf-8")
        except OSError:
            return False

    def _write_cells(self, path: Path, snapshot: Snapshot) -> None:
        cells = dict(snapshot.cells)
        cells["departed"] = cells["departed"] / 60
        arrays = {f"{name} ({unit})" if unit else name: cells[name] for name, unit in CELL_ARRAYS.items()}
        fields: dict[str, Any] = {**_clock(snapshot), "type_names": self.type_names}
        vtk_files.write_points(path, cells["position"], arrays, fields)


def write_fibers(path: Path, network: FiberNetwork) -> int:
    """Segments as lines with the `fiber` of each; those through a periodic face are left out.

    Returns how many were left out.
    """
    first, second = network.nodes[network.segments[:, 0]], network.nodes[network.segments[:, 1]]
    inside = np.abs(second - first - network.vectors).max(axis=1, initial=0.0) < 1e-6
    left_out = int((~inside).sum())
    fields = {
        "bundle_diameter (um)": np.array([network.bundle_diameter]),
        "segments_not_drawn": np.array([left_out]),
    }
    arrays = {"fiber": network.segment_fiber[inside]}
    vtk_files.write_lines(path, network.nodes, network.segments[inside], arrays, fields)
    return left_out


def _write_links(path: Path, links: dict[str, np.ndarray], fields: vtk_files.FieldData) -> None:
    """A line from each cell's centre to the point on the fiber that it holds."""
    count = len(links["cell_id"])
    ends = np.concatenate([links["cell_position"].reshape(-1, 3), links["point"].reshape(-1, 3)])
    lines = np.stack([np.arange(count), np.arange(count) + count], axis=1)
    arrays = {"cell_id": links["cell_id"], "tension (nN)": links["tension"]}
    vtk_files.write_lines(path, ends, lines, arrays, fields)


def _clock(snapshot: Snapshot) -> dict[str, np.ndarray]:
    return {"time (h)": np.array([snapshot.time / 60]), "step": np.array([snapshot.step], np.int64)}


def _dataset(hours: float, kind: str, name: str) -> str:
    part = ("cells", "fibers", "links").index(kind)
    return f'    <DataSet timestep="{hours:.12g}" part="{part}" name="{kind}" file={quoteattr(name)}/>\n'


def _pvd(listed: list[str]) -> str:
    """The list of frames for ParaView; times in hours."""
    head = '<?xml version="1.0"?>\n<VTKFile type="Collection" version="1.0" byte_order="LittleEndian">\n'
    return head + "  <Collection>\n" + "".join(listed) + "  </Collection>\n</VTKFile>\n"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
