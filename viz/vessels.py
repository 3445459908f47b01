"""A picture of meshed vessels: endothelium in its patches, ports, a scale bar. Reads what `physim mesh` wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from physim.errors import PhysimError
from physim.files import replacing
from physim.record import writing
from physim.viz.fiber_color import round_number
from physim.viz.render import REMEDY, SIZE, PictureError, can_draw
from physim.viz.view import INK, PAPER

_PORT = np.array([250, 200, 60])
_WALL = np.array([[205, 82, 76], [190, 66, 64], [221, 104, 92], [200, 92, 98], [176, 60, 56]])
"""Shades in turn, so that patches stand out from each other."""
_MARGIN = 1.12


def render(folder: Path, size: tuple[int, int] = SIZE) -> Path:
    """Draw `preview.png` of a folder of `physim mesh`. Raises PictureError where VTK cannot draw."""
    if not can_draw():
        raise PictureError(f"no usable EGL or OSMesa library, so no picture; {REMEDY}; the rest is done", exit_code=2)
    command = [sys.executable, "-P", "-m", "physim.viz.vessels", str(folder), *map(str, size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise PictureError(f"drawing failed: {last}")
    return folder / "preview.png"


def _window(folder: Path, width: int, height: int) -> Any:
    """The vessels seen along the thinnest direction of their box, in parallel projection."""
    import vtk
    from vtkmodules.util.numpy_support import numpy_to_vtk

    from physim import vtk_files

    points, cells = vtk_files.read(folder / "surface.vtp")
    patch, port = cells["patch"], cells["port"]
    shades = np.where(port[:, None] >= 0, _PORT, _WALL[patch % len(_WALL)]).astype(np.uint8)
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(folder / "surface.vtp"))
    reader.Update()
    data = reader.GetOutput()
    data.GetCellData().SetScalars(numpy_to_vtk(shades, deep=True))
    normals, mapper, actor = vtk.vtkPolyDataNormals(), vtk.vtkPolyDataMapper(), vtk.vtkActor()
    normals.SetInputData(data)
    normals.SplittingOff()
    mapper.SetInputConnection(normals.GetOutputPort())
    actor.SetMapper(mapper)
    actor.GetProperty().SetAmbient(0.25)
    actor.GetProperty().SetDiffuse(0.75)
    stage, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
    stage.SetBackground(*PAPER)
    stage.AddActor(actor)
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(8)
    window.SetSize(width, height)
    window.AddRenderer(stage)
    low, high = points["Points"].min(0), points["Points"].max(0)
    extent, middle = high - low, 0.5 * (low + high)
    away = int(np.argmin(extent))
    across, up = [axis for axis in range(3) if axis != away]
    if away == 1:
        across, up = 0, 2
    camera = stage.GetActiveCamera()
    camera.SetFocalPoint(*middle)
    camera.SetPosition(*(middle + 2 * np.linalg.norm(extent) * np.eye(3)[away] * (-1 if away == 1 else 1)))
    camera.SetViewUp(*np.eye(3)[up])
    camera.ParallelProjectionOn()
    half = 0.5 * _MARGIN * max(extent[up], extent[across] * height / width)
    camera.SetParallelScale(half)
    stage.ResetCameraClippingRange()
    _scale_bar(stage, 2 * half / height, width, height)
    return window


def _scale_bar(stage: Any, um_per_pixel: float, width: int, height: int) -> None:
    """A bar of a round length in the lower left corner, about a sixth of the width."""
    import vtk

    length = round_number(width / 6 * um_per_pixel)
    pixels, unit = length / um_per_pixel, height / 1200
    points, bar = vtk.vtkPoints(), vtk.vtkPolyData()
    corners = [(32, 44), (32 + pixels / unit, 44), (32 + pixels / unit, 54), (32, 54)]
    for x, y in corners:
        points.InsertNextPoint(x * unit, y * unit, 0)
    cell = vtk.vtkCellArray()
    cell.InsertNextCell(4, range(4))
    bar.SetPoints(points)
    bar.SetPolys(cell)
    mapper, actor, text = vtk.vtkPolyDataMapper2D(), vtk.vtkActor2D(), vtk.vtkTextActor()
    mapper.SetInputData(bar)
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*INK)
    text.SetInput(f"{length:g} \u00b5m")
    text.GetTextProperty().SetFontSize(int(30 * unit))
    text.GetTextProperty().SetColor(*INK)
    text.SetPosition(32 * unit, 70 * unit)
    stage.AddViewProp(actor)
    stage.AddViewProp(text)


def _main(folder: str, width: str, height: str) -> None:
    import vtk
    from matplotlib.image import imsave
    from vtkmodules.util.numpy_support import vtk_to_numpy

    window = _window(Path(folder), int(width), int(height))
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    grab.Update()
    pixels = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(int(height), int(width), 3)[::-1]
    path = Path(folder) / "preview.png"
    with writing(path, "the meshes are untouched"), replacing(path) as temporary:
        imsave(temporary, np.ascontiguousarray(pixels), format="png")


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except PhysimError as problem:
        raise SystemExit(str(problem)) from None
