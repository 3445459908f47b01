"""A run folder as a reader sees it: times and parts from the PVD, geometry from the VTPs, arrays by their plain names."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np

from physim.errors import InputError


class Run:
    """The frames of a run folder. Raises InputError for a folder without a readable `run.pvd`."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        try:
            root = ElementTree.parse(self.folder / "run.pvd").getroot()
        except (OSError, ElementTree.ParseError) as error:
            raise InputError(
                f"{folder}: no readable run.pvd ({error}); give the folder that 'physim run' made"
            ) from None
        self._files: dict[tuple[str, float], Path] = {}
        for entry in root.iter("DataSet"):
            self._files[entry.get("name", ""), float(entry.get("timestep", "0"))] = self.folder / entry.get("file", "")
        self.times = sorted({time for name, time in self._files if name == "cells"})
        if not self.times:
            raise InputError(f"{folder}: run.pvd names no frame of cells; wait for the first record of the run")

    def part(self, name: str, time: float) -> Any:
        """vtkPolyData of a part at a time in hours, or None where the run has no such part."""
        from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

        path = self._files.get((name, time))
        if path is None or not path.is_file():
            return None
        reader = vtkXMLPolyDataReader()
        reader.SetFileName(str(path))
        reader.Update()
        return reader.GetOutput()


def array(data: Any, name: str) -> np.ndarray | None:
    """A point or cell array by its name without the unit: "tension" finds "tension (nN)"."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    for attributes in (data.GetPointData(), data.GetCellData()):
        for k in range(attributes.GetNumberOfArrays()):
            if attributes.GetArrayName(k).split(" (")[0] == name:
                return vtk_to_numpy(attributes.GetArray(k))
    return None


def points(data: Any) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(data.GetPoints().GetData()) if data.GetNumberOfPoints() else np.zeros((0, 3))


def type_names(data: Any) -> list[str]:
    """Legend of the cell types, from the field data of a frame."""
    names = data.GetFieldData().GetAbstractArray("type_names")
    return [names.GetValue(k) for k in range(names.GetNumberOfValues())] if names is not None else ["cells"]
