"""A run folder as a reader sees it: times and parts from the PVD, geometry from the VTPs, arrays by plain names."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from physim.errors import InputError

MOST_PATHS = 300


class Run:
    """The frames of a run folder, of a run in progress or broken off too.

    Raises InputError for a folder without a readable `run.pvd`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        try:
            root = ElementTree.parse(self.folder / "run.pvd").getroot()
        except FileNotFoundError:
            remedy = "give the folder that 'physim run' made, or wait for the first record of the run"
            raise InputError(f"{folder}: has no run.pvd; {remedy}") from None
        except (OSError, ElementTree.ParseError) as error:
            raise InputError(
                f"{folder}: run.pvd cannot be read ({error}); give the folder that 'physim run' made"
            ) from None
        self._files: dict[tuple[str, float], Path] = {}
        for entry in root.iter("DataSet"):
            self._files[entry.get("name", ""), float(entry.get("timestep", "0"))] = self.folder / entry.get("file", "")
        self.times = sorted({time for name, time in self._files if name == "cells"})
        """h, of every frame."""
        if not self.times:
            raise InputError(f"{folder}: run.pvd names no frame of cells; wait for the first record of the run")
        self._part: tuple[Path | None, Any] = (None, None)

    def part(self, name: str, time: float) -> Any:
        """vtkPolyData of "cells", "fibers", "links" or "shells" at a time in hours; None where the run has none."""
        path = self._files.get((name, time))
        if path is None or not path.is_file():
            if name == "cells":
                raise InputError(f"{path}: is missing, but run.pvd names it; copy the whole folder of the run")
            return None
        held = path.parent == self.folder  # one file for all frames; fibers that move have one in each
        if held and self._part[0] == path:
            return self._part[1]
        from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

        reader = vtkXMLPolyDataReader()
        reader.SetFileName(str(path))
        reader.Update()
        if held:
            self._part = (path, reader.GetOutput())
        return reader.GetOutput()

    def box(self) -> tuple[np.ndarray, np.ndarray, tuple[bool, bool, bool]] | None:
        """Lower and upper corner (3,) um and which axes are periodic, from run.json; None if it does not say."""
        try:
            box = json.loads((self.folder / "run.json").read_text("utf-8"))["box"]
            lower, upper = (np.array(box[name], float) for name in ("lower_um", "upper_um"))
            x, y, z = (face == "periodic" for face in box["boundary"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (lower, upper, (x, y, z)) if lower.shape == upper.shape == (3,) else None

    @cached_property
    def paths(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What each cell went between two frames: begin and end (m, 3) um, time of the end (m,) h, type (m,).

        Without what leads through a periodic face, and of cells that had left. None, m = 0, for more than MOST_PATHS
        cells, whose paths nobody could tell apart.
        """
        box = self.box()
        half = np.where(box[2], 0.5 * (box[1] - box[0]), np.inf) if box else np.full(3, np.inf)
        parts: list[tuple[np.ndarray, np.ndarray, float, int]] = []
        before: dict[int, np.ndarray] = {}
        for time in self.times:
            cells = self.part("cells", time)
            here, number, kind = in_the_box(cells), array(cells, "id"), array(cells, "type")
            if number is None or kind is None or len(number) > MOST_PATHS:
                parts.clear()
                break
            now = {int(i): place for i, place in zip(number[here], points(cells)[here], strict=True)}
            parts += [(before[i], now[i], time, k) for i, k in zip(number[here], kind[here], strict=True)
                      if i in before and (np.abs(now[i] - before[i]) < half).all()]  # fmt: skip
            before = now
        columns = list(zip(*parts, strict=True)) or [(), (), (), ()]
        begin, end = (np.array(column, float).reshape(-1, 3) for column in columns[:2])
        return begin, end, np.array(columns[2], float), np.array(columns[3], int)


def array(data: Any, name: str) -> np.ndarray | None:
    """A point or cell array by its name without the unit: "tension" finds "tension (nN)"."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    for attributes in (data.GetPointData(), data.GetCellData()):
        for k in range(attributes.GetNumberOfArrays()):
            if attributes.GetArrayName(k).split(" (")[0] == name:
                return vtk_to_numpy(attributes.GetArray(k))
    return None


def points(data: Any) -> np.ndarray:
    """(n, 3) um."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(data.GetPoints().GetData()) if data.GetNumberOfPoints() else np.zeros((0, 3), np.float32)


def line_ends(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Begin and end (m, 3) um of the two-point lines of a part; none for None."""
    if data is None or data.GetNumberOfCells() == 0:
        return np.zeros((0, 3)), np.zeros((0, 3))
    ends, where = line_nodes(data), points(data)
    return where[ends[:, 0]], where[ends[:, 1]]


def line_nodes(data: Any) -> np.ndarray:
    """(m, 2) the two points of each line."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(data.GetLines().GetConnectivityArray()).reshape(-1, 2)


def faces(data: Any) -> np.ndarray:
    """(t, 3) the corners of each triangle."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3)


def in_the_box(cells: Any) -> np.ndarray:
    """(n,) whether each cell is still there, that is, has not left by an open face."""
    departed = array(cells, "departed")
    return np.isnan(departed) if departed is not None else np.ones(cells.GetNumberOfPoints(), bool)


def type_names(data: Any) -> list[str]:
    """Legend of the cell types, from the field data of a frame."""
    names = data.GetFieldData().GetAbstractArray("type_names")
    return [names.GetValue(k) for k in range(names.GetNumberOfValues())] if names is not None else ["cells"]
