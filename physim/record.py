"""The record: what a run leaves behind in its folder, readable while the run goes on. `viz` reads only this.

    scenario.toml    as resolved                     run.pvd              open this in ParaView
    run.json         status, versions, device        frames/cells_N.vtp   positions and what cells carry
    cells.parquet    one row per cell and record     frames/links_N.vtp   links from cells to fibers
    summary.txt      words and numbers               frames/shells_N.vtp  cells that have a shape
                                                     fibers.vtp           the network, once if it is held
                                                     frames/fibers_N.vtp  ... or at each record, moved or cut
                                                     vessels.vtp          the wall, and frames/centerlines_N.vtp

Pictures, plots and `open_in_paraview.py` beside them are of `viz`.

Units are in the names of VTP arrays and in the field metadata of the table. Times are in hours. A frame is
listed in run.pvd only when all its files are complete, so a crash or a full disk leaves the earlier frames
readable.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from physim import cell_table, frame_files
from physim.errors import InputError
from physim.files import copy_file, remove, sync_folder, write_json, write_text
from physim.run_folder import Entry, RecordError, entries, new_run_folder, pvd, read_info, writing
from physim.versions import versions

if TYPE_CHECKING:
    from physim.analysis.integrin_balance import IntegrinBalance
    from physim.analysis.matrix_balance import MatrixBalance
    from physim.generate.fiber_network import FiberNetwork
    from physim.generate.obstacles import Wires
    from physim.vessels import Vessels

__all__ = ["RecordError", "Recorder", "Snapshot", "new_run_folder", "writing"]

ONCE = ("fibers.vtp", "obstacles.vtp", "vessels.vtp")
"""Files that serve all frames."""

@dataclass(frozen=True)
class Snapshot:
    """The state at one record time, as read back from the device; n cells sorted by id, m links."""

    step: int
    """Steps completed."""
    time: float
    """min"""
    cells: dict[str, np.ndarray]
    """id, type, position (n, 3) um, radius, nucleus_radius um, cadherin, integrin, mmp, polarity (n, 3),
    velocity (n, 3) um/min, force (n, 3) nN, bound_links, link_force nN (sum of tensions), junctions,
    departed (min, NaN if in the box); in_blood (0 or 1) where there are flow episodes."""
    links: dict[str, np.ndarray] | None
    """cell_id, cell_position (m, 3) um, point (m, 3) um on the fiber, tension nN; None: not kept."""
    counters: dict[str, int | float]
    """What the engine counted since the start."""
    fibers: dict[str, np.ndarray] | None = None
    """position (N, 3) um of each node, wrapped. Where fibers move: displacement (N, 3) um since the start; tension
    (M,) nN of each segment, above 0 where it is stretched. Where they can be cut: area (M,) of each segment over that
    of a whole one, 0 where it is cut. Where cells shed them: shed_integrins (M,), how many are on each segment. None:
    fibers are held and nothing changes them, or not kept."""
    matrix: MatrixBalance | None = None
    """What became of the collagen; None: it is not cut."""
    integrins: IntegrinBalance | None = None
    """Where integrins are; None: they are not counted."""
    shells: dict[str, np.ndarray] | None = None
    """Of cells with a shape: position (v, 3) um of the vertices, triangles (t, 3) of these, cell_id (t,), cortex (t,):
    1, or 0 on the nucleus. None: cells have none."""

    flow: np.ndarray | None = None
    """(B,) um^3/min through the branches of the vessels, from the first to the last point of each. None: there are
    none."""

    def kept(self, *, links: bool, fibers: bool) -> Snapshot:
        """Without the parts that are not to be recorded: the keys of the scenario's [record]."""
        return replace(self, links=self.links if links else None, fibers=self.fibers if fibers else None)


class Recorder:
    """Writes a run into `folder`, which must exist and be empty.

    `run_info` goes into run.json as it is (seed, device, box ...), `type_names` are the legend of `type`, `copies` are
    files that the scenario needs, by their names in the folder. Raises RecordError.
    """

    def __init__(
        self,
        folder: Path,
        *,
        scenario_toml: str,
        run_info: dict[str, Any],
        network: FiberNetwork | None,
        type_names: Sequence[str],
        obstacles: Wires | None = None,
        vessels: Vessels | None = None,
        copies: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        self._open(folder, network, type_names, obstacles, vessels)
        self.info: dict[str, Any] = {
            "status": "running",
            "started": _now(),
            "versions": versions(),
            **run_info,
        }
        with self._writing(folder):
            for name in ("frames", "table"):
                (folder / name).mkdir()
            for name, source in copies.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                copy_file(source, folder / name)
            write_text(folder / "scenario.toml", scenario_toml)
            if network is not None:
                made = network.made
                dropped = int(frame_files.through_faces(made, made.nodes).sum())
                self.info["fibers"] = {"segments": len(made.segments), "not_drawn": dropped}
            write_json(folder / "run.json", self.info)

    def _open(self, folder: Path, network: FiberNetwork | None, type_names: Sequence[str],
              obstacles: Wires | None, vessels: Vessels | None) -> None:  # fmt: skip
        self.folder = folder
        self.type_names = tuple(type_names)
        self.frames = 0
        """Complete frames."""
        self.last_time = float("nan")
        """min, of the last complete frame."""
        self._listed: list[Entry] = []
        self._network = network
        self._obstacles = obstacles if obstacles is not None and len(obstacles.begin) else None
        self._vessels = vessels
        self._begin = time.perf_counter()

    @classmethod
    def reopen(cls, folder: Path, frames: int, *, network: FiberNetwork | None, type_names: Sequence[str],
               obstacles: Wires | None = None, vessels: Vessels | None = None) -> Recorder:  # fmt: skip
        """Go on with a run of which the first `frames` frames are kept; what came after them is removed.

        Raises InputError if they are not all there.
        """
        self = cls.__new__(cls)
        self._open(folder, network, type_names, obstacles, vessels)
        self.info = read_info(folder) | {"status": "running"}
        self.info["resumed"] = [*self.info.get("resumed", []), {"at": _now(), "frames": frames}]
        there = entries(folder)
        times = list(dict.fromkeys(hours for hours, _, _ in there))[:frames]
        self._listed = [entry for entry in there if entry[0] in times]
        self.frames, self.last_time = frames, times[-1] * 60 if times else float("nan")
        names = {name for _, _, name in self._listed}
        parts = [folder / "table" / f"part_{number:06d}.parquet" for number in range(frames)]
        missing = [path for path in [*parts, *(folder / name for name in names)] if not path.is_file()]
        if len(times) < frames or missing:
            what = missing[0] if missing else folder / "run.pvd"
            raise InputError(f"{what}: {frames} frames were recorded and are not all there; start the run anew")
        with self._writing(folder):
            write_text(folder / "run.pvd", pvd(self._listed))
            later = [path for path in (folder / "frames").iterdir() if f"frames/{path.name}" not in names]
            later += [path for path in (folder / "table").iterdir() if path not in parts]
            remove(*later, *folder.glob(".*.tmp"), folder / "cells.parquet")
            write_json(folder / "run.json", self.info)
        return self

    def write(self, snapshot: Snapshot) -> None:
        """Add a frame and its table rows: complete files first, then the list of frames that names them."""
        number = f"{self.frames:06d}"
        part = self.folder / "table" / f"part_{number}.parquet"
        names = {"cells": f"frames/cells_{number}.vtp"}
        if self._network is not None:
            names["fibers"] = "fibers.vtp" if snapshot.fibers is None else f"frames/fibers_{number}.vtp"
        if self._obstacles is not None:
            names["obstacles"] = "obstacles.vtp"
        if self._vessels is not None:
            names["vessels"] = "vessels.vtp"
            if snapshot.flow is not None:
                names["centerlines"] = f"frames/centerlines_{number}.vtp"
        if snapshot.links is not None:
            names["links"] = f"frames/links_{number}.vtp"
        if snapshot.shells is not None:
            names["shells"] = f"frames/shells_{number}.vtp"
        hours = snapshot.time / 60
        listed = [*self._listed, *((hours, kind, name) for kind, name in names.items())]
        try:
            for kind, name in names.items():
                with self._writing(self.folder / name):
                    self._write_part(kind, self.folder / name, snapshot)
            with self._writing(part):
                cell_table.write(part, cell_table.rows(snapshot.time, snapshot.cells))
            with self._writing(self.folder / "run.pvd"):
                write_text(self.folder / "run.pvd", pvd(listed))
        except BaseException:
            if not self._lists(names["cells"]):
                remove(part, *(self.folder / name for name in names.values() if name not in ONCE))
            raise
        self._listed = listed
        self.frames += 1
        self.last_time = snapshot.time
        self.info["counters"] = dict(snapshot.counters)
        if snapshot.matrix is not None:
            self.info["matrix"] = {"unit": "2^-36 um of whole fiber", **vars(snapshot.matrix)}
        if snapshot.integrins is not None:
            self.info["integrins"] = vars(snapshot.integrins)

    def _write_part(self, kind: str, path: Path, snapshot: Snapshot) -> None:
        if kind == "cells":
            frame_files.write_cells(path, snapshot, self.type_names)
        elif kind == "links":
            frame_files.write_links(path, snapshot)
        elif kind == "shells":
            frame_files.write_shells(path, snapshot)
        elif kind == "obstacles":
            if not path.is_file():
                assert self._obstacles is not None
                frame_files.write_obstacles(path, self._obstacles)
        elif kind == "centerlines":
            assert self._vessels is not None
            frame_files.write_centerlines(path, self._vessels, snapshot)
        elif kind == "vessels":
            if not path.is_file():
                assert self._vessels is not None
                frame_files.write_vessels(path, self._vessels)
        elif snapshot.fibers is not None or not path.is_file():  # held fibers are written once
            assert self._network is not None
            frame_files.write_fibers(path, self._network, snapshot)

    def finish(self, status: str, **info: Any) -> None:
        """Write run.json with `status` ("complete", "interrupted", "stopped: reason"); join the table if complete."""
        self.info |= {
            "status": status,
            "finished": _now(),
            "wall_seconds": round(time.perf_counter() - self._begin, 3),
            "frames": self.frames,
            "last_frame_h": self.last_time / 60,
            **info,
        }
        with self._writing(self.folder / "cells.parquet"):
            if status == "complete":
                cell_table.join(self.folder / "table", self.folder / "cells.parquet")
        with self._writing(self.folder / "run.json"):
            write_json(self.folder / "run.json", self.info)
            sync_folder(self.folder.parent)
        if status == "complete":
            shutil.rmtree(self.folder / "table", ignore_errors=True)

    def _writing(self, path: Path) -> Any:
        kept = f"{self.frames} complete frames are kept" if self.frames else "no frame is complete yet"
        return writing(path, kept)

    def _lists(self, name: str) -> bool:
        """Whether run.pvd on disk already names a file; then the file must stay."""
        try:
            return name in (self.folder / "run.pvd").read_text("utf-8")
        except OSError:
            return False


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
