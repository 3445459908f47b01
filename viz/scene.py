"""What a picture of a frame shows: cells with their nuclei, a slab of fibers behind and among them, links by tension."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

from physim.viz.frames import array, points, type_names

# Okabe and Ito's colours, distinguishable with every common colour vision.
PALETTE = [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233), (240, 228, 66)]
NUCLEUS = (0.13, 0.16, 0.30)
FIBER = (0.62, 0.58, 0.52)
INK = (0.12, 0.12, 0.12)
SLAB = 20.0
"""Thickness of the slab of fibers that is shown, um."""


def color(kind: int) -> tuple[float, float, float]:
    r, g, b = PALETTE[kind % len(PALETTE)]
    return r / 255, g / 255, b / 255


def sphere_actor(centers: np.ndarray, radii: np.ndarray, rgb: tuple[float, float, float], opacity: float) -> Any:
    """Spheres of given centres (n, 3) and radii (n), um."""
    cloud = vtk.vtkPolyData()
    cloud.SetPoints(_points(centers))
    scale = numpy_to_vtk(np.ascontiguousarray(radii, np.float32), deep=True)
    scale.SetName("radius")
    cloud.GetPointData().SetScalars(scale)
    ball = vtk.vtkSphereSource()
    ball.SetRadius(1.0)
    resolution = 32 if len(centers) < 2000 else 10
    ball.SetThetaResolution(resolution)
    ball.SetPhiResolution(resolution)
    mapper = vtk.vtkGlyph3DMapper()
    mapper.SetInputData(cloud)
    mapper.SetSourceConnection(ball.GetOutputPort())
    mapper.SetScaleArray("radius")
    mapper.SetScaleModeToScaleByMagnitude()
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetColor(*rgb)
    look.SetOpacity(opacity)
    look.SetSpecular(0.25)
    look.SetSpecularPower(20)
    look.SetAmbient(0.25)
    return actor


def line_actor(begin: np.ndarray, end: np.ndarray, width: float, opacity: float) -> Any:
    """Line segments from begin to end (m, 3), um."""
    lines = vtk.vtkPolyData()
    lines.SetPoints(_points(np.stack([begin, end], 1).reshape(-1, 3)))
    cells = np.empty((len(begin), 3), np.int64)
    cells[:, 0] = 2
    cells[:, 1:] = np.arange(2 * len(begin)).reshape(-1, 2)
    connectivity = vtk.vtkCellArray()
    connectivity.ImportLegacyFormat(numpy_to_vtkIdTypeArray(cells.ravel(), deep=True))
    lines.SetLines(connectivity)
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputData(lines)
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetLineWidth(width)
    look.SetOpacity(opacity)
    look.LightingOff()
    return actor


def line_ends(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Begin and end (m, 3) of the two-point lines of a polydata."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if data is None or data.GetNumberOfCells() == 0:
        return np.zeros((0, 3)), np.zeros((0, 3))
    ends = vtk_to_numpy(data.GetLines().GetConnectivityArray()).reshape(-1, 2)
    where = points(data)
    return where[ends[:, 0]], where[ends[:, 1]]


def build(cells: Any, fibers: Any, links: Any) -> tuple[Any, dict[str, Any]]:
    """Renderer of a frame, and what its legend has to say. The view is along z, onto the slab."""
    renderer = vtk.vtkRenderer()
    renderer.SetBackground(1.0, 1.0, 1.0)
    where = points(cells)
    departed = array(cells, "departed")
    here = np.isnan(departed) if departed is not None else np.ones(len(where), bool)
    kinds, radius, nucleus = (array(cells, name) for name in ("type", "radius", "nucleus_radius"))
    assert kinds is not None and radius is not None
    focus = where[here].mean(0) if here.any() else where.mean(0)
    begin, end = line_ends(fibers)
    inside = np.abs(0.5 * (begin + end)[:, 2] - focus[2]) < 0.5 * SLAB
    if inside.any():
        fiber = line_actor(begin[inside], end[inside], 1.2, 0.75)
        fiber.GetProperty().SetColor(*FIBER)
        renderer.AddActor(fiber)
    names = type_names(cells)
    for kind in np.unique(kinds[here]):
        chosen = here & (kinds == kind)
        renderer.AddActor(sphere_actor(where[chosen], radius[chosen], color(int(kind)), 0.55))
    if nucleus is not None and (nucleus > 0).any():
        renderer.AddActor(sphere_actor(where[here], nucleus[here], NUCLEUS, 1.0))
    pull_begin, pull_end = line_ends(links)
    tension = array(links, "tension") if links is not None else None
    strongest = float(np.max(tension, initial=0.0)) if tension is not None else 0.0
    if tension is not None:
        for low, high, rgb in _tension_classes(strongest):
            chosen = (tension >= low) & (tension < high)
            if chosen.any():
                actor = line_actor(pull_begin[chosen], pull_end[chosen], 2.0, 0.95)
                actor.GetProperty().SetColor(*rgb)
                renderer.AddActor(actor)
    size = _frame(renderer, begin if len(begin) else where, focus)
    legend = {"names": {int(k): names[int(k)] if int(k) < len(names) else f"type {k}" for k in np.unique(kinds[here])},
              "fibers": bool(inside.any()), "tension": _tension_classes(strongest) if strongest > 0 else [],
              "width": size, "cells": int(here.sum())}  # fmt: skip
    return renderer, legend


def _tension_classes(strongest: float) -> list[tuple[float, float, tuple[float, float, float]]]:
    """Classes of link tension in nN with a light-to-dark red ramp."""
    if strongest <= 0:
        return []
    step = max(1.0, np.ceil(strongest / 3))
    shades = [(0.99, 0.75, 0.44), (0.94, 0.42, 0.18), (0.65, 0.0, 0.15)]
    return [(k * step, (k + 1) * step + (1e9 if k == 2 else 0), shade) for k, shade in enumerate(shades)]


def _frame(renderer: Any, extent: np.ndarray, focus: np.ndarray) -> float:
    """Camera along -z with parallel projection; returns the height of the view in um."""
    low, high = extent.min(0), extent.max(0)
    height = 1.04 * float(max(high[1] - low[1], (high[0] - low[0]) * 0.75, 40.0))
    camera = renderer.GetActiveCamera()
    centre = 0.5 * (low + high)
    camera.SetFocalPoint(centre[0], centre[1], focus[2])
    camera.SetPosition(centre[0], centre[1], focus[2] + 1000.0)
    camera.SetViewUp(0, 1, 0)
    camera.ParallelProjectionOn()
    camera.SetParallelScale(0.5 * height)
    renderer.ResetCameraClippingRange()
    renderer.UseFXAAOn()
    renderer.SetUseDepthPeeling(True)
    renderer.SetMaximumNumberOfPeels(12)
    return height


def _points(where: np.ndarray) -> Any:
    result = vtk.vtkPoints()
    result.SetData(numpy_to_vtk(np.ascontiguousarray(where, np.float32), deep=True))
    return result
