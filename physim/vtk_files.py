"""VTP files for ParaView: points, lines and triangles with named arrays. Of the run's files, only these know VTK.

Appended raw data, 64-bit headers, LZ4. VTK writers fail silently on a full disk, so the return value, the
error code and the end of the file on disk are checked; a failure is an OSError.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints, vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLPolyDataWriter

from physim.files import replacing

Arrays = Mapping[str, np.ndarray]
FieldData = Mapping[str, np.ndarray | Sequence[str]]


def write_points(path: Path, positions: np.ndarray, arrays: Arrays, fields: FieldData) -> None:
    """Points (n, 3) as vertices, which ParaView draws without a filter; `arrays` are data of the points."""
    data = _geometry(positions)
    data.SetVerts(_cells(np.arange(len(positions)).reshape(-1, 1)))
    _add(data.GetPointData(), arrays)
    _write(path, data, fields)


def write_lines(path: Path, nodes: np.ndarray, lines: np.ndarray, arrays: Arrays, fields: FieldData,
                of_nodes: Arrays = MappingProxyType({})) -> None:  # fmt: skip
    """Lines (m, 2) between nodes (n, 3); `arrays` are data of the lines, `of_nodes` of the nodes."""
    data = _geometry(nodes)
    data.SetLines(_cells(lines))
    _add(data.GetPointData(), of_nodes)
    _add(data.GetCellData(), arrays)
    _write(path, data, fields)


def write_triangles(path: Path, vertices: np.ndarray, faces: np.ndarray, arrays: Arrays, fields: FieldData) -> None:
    """Triangles (t, 3) of vertices (n, 3); `arrays` are data of the triangles."""
    data = _geometry(vertices)
    data.SetPolys(_cells(faces))
    _add(data.GetCellData(), arrays)
    _write(path, data, fields)


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Arrays of the points ("Points" are their places) and of the cells ("Lines" or "Triangles" are their points).

    Raises OSError.
    """
    reader: Any = vtkXMLPolyDataReader()
    problems: list[str] = []
    for talker in (reader, reader.GetExecutive()):
        talker.AddObserver("ErrorEvent", lambda *_: problems.append("error"))
    reader.SetFileName(os.fspath(path))
    if path.is_file():
        reader.Update()
    if problems or not _is_whole(path):
        raise OSError("no whole VTP file")
    data = reader.GetOutput()
    points, lines = (
        {of.GetArrayName(k): vtk_to_numpy(of.GetArray(k)) for k in range(of.GetNumberOfArrays())}
        for of in (data.GetPointData(), data.GetCellData())
    )
    if data.GetNumberOfPoints():
        points["Points"] = vtk_to_numpy(data.GetPoints().GetData())
    if data.GetNumberOfLines():
        lines["Lines"] = vtk_to_numpy(data.GetLines().GetConnectivityArray()).reshape(-1, 2)
    if data.GetNumberOfPolys():
        lines["Triangles"] = vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    return points, lines


def _geometry(positions: np.ndarray) -> vtkPolyData:
    points, data = vtkPoints(), vtkPolyData()
    points.SetData(_array("Points", np.asarray(positions, np.float32).reshape(-1, 3)))
    data.SetPoints(points)
    return data


def _cells(members: np.ndarray) -> vtkCellArray:
    """Cells (m, k) of k points each."""
    count, width = members.shape
    cells = vtkCellArray()
    cells.SetData(
        numpy_to_vtkIdTypeArray(np.arange(count + 1, dtype=np.int64) * width, deep=True),
        numpy_to_vtkIdTypeArray(np.ascontiguousarray(members, np.int64).ravel(), deep=True),
    )
    return cells


def _array(name: str, values: np.ndarray) -> Any:
    array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
    array.SetName(name)
    return array


def _add(target: Any, arrays: Arrays) -> None:
    for name, values in arrays.items():
        target.AddArray(_array(name, values))


def _write(path: Path, data: vtkPolyData, fields: FieldData) -> None:
    for name, values in fields.items():
        if isinstance(values, np.ndarray):
            data.GetFieldData().AddArray(_array(name, values))
        else:
            words = vtkStringArray()
            words.SetName(name)
            for word in values:
                words.InsertNextValue(word)
            data.GetFieldData().AddArray(words)
    writer: Any = vtkXMLPolyDataWriter()
    problems: list[str] = []
    for talker in (writer, writer.GetExecutive()):  # observed, or VTK prints many lines itself
        talker.AddObserver("ErrorEvent", lambda *_: problems.append("error"))
    writer.SetInputData(data)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    writer.SetHeaderTypeToUInt64()
    writer.SetCompressorTypeToLZ4()
    with replacing(path) as temporary:
        writer.SetFileName(os.fspath(temporary))
        done = writer.Write()
        if done != 1 or writer.GetErrorCode() or problems or not _is_whole(temporary):
            raise OSError(f"VTK could not write all of it (error {writer.GetErrorCode()}); is the disk full?")


def _is_whole(path: Path) -> bool:
    """Whether the file on disk ends as a VTK file does."""
    end = b"</VTKFile>\n"
    if not path.is_file() or path.stat().st_size < 2 * len(end):
        return False
    with path.open("rb") as stream:
        stream.seek(-len(end), os.SEEK_END)
        return stream.read() == end
