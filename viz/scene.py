"""The VTK scene of one frame: cells cut open so that nuclei show, a slab of fibers, links by tension; the legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

from physim.viz.fiber_color import THINNED, FiberColor, thinned
from physim.viz.frames import Run, array, faces, in_the_box, line_ends, points, type_names
from physim.viz.view import (
    BAR,
    FIBER,
    INK,
    LINKS,
    NUCLEUS,
    OBSTACLE,
    PALE,
    PAPER,
    RGB,
    WALL,
    Layout,
    Row,
    color,
    legend,
    mixed,
    path_color,
)  # fmt: skip


def window_of(run: Run, time: float, layout: Layout) -> Any:
    """An offscreen vtkRenderWindow with the frame at a time in hours, ready to be rendered."""
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(layout.width, layout.height)
    stage, column = vtk.vtkRenderer(), vtk.vtkRenderer()
    share = layout.column / layout.width
    stage.SetViewport(share, 0, 1, 1)
    column.SetViewport(0, 0, share, 1)
    for renderer in (stage, column):
        renderer.SetBackground(*PAPER)
        window.AddRenderer(renderer)
    rows = _frame(stage, run, time, layout)
    _look_down(stage, layout)
    _legend(column, rows, time, layout)
    return window


def _frame(stage: Any, run: Run, time: float, layout: Layout) -> list[Row]:
    """Add what is in the box; returns the rows of the legend."""
    cells, view = run.part("cells", time), layout.view
    here = in_the_box(cells)
    kinds, radius, nucleus = (_of(cells, name)[here] for name in ("type", "radius", "nucleus_radius"))
    where = points(cells)[here]  # a copy
    solid = view.in_slab(where[:, 2], nucleus)
    shapes = Shapes.of(run.part("shells", time), _of(cells, "id")[here])
    behind = 2 * np.ptp(where[:, 2], axis=0) if len(where) else 0
    where[~solid, 2] -= behind  # behind all else; nothing shifts sideways
    for chosen, share in ((solid, 1.0), (~solid, PALE)):
        for kind in np.unique(kinds[chosen]):
            body = chosen & (kinds == kind)
            bodies = shapes.mapper(body, 1, share < 1, behind) if shapes else _spheres(where[body], radius[body])
            _add(stage, bodies, mixed(color(int(kind)), share), open_cut=True)
        seen = chosen & (nucleus > 0)
        if seen.any():
            inner = shapes.mapper(seen, 0, share < 1, behind) if shapes else _spheres(where[seen], nucleus[seen])
            _add(stage, inner, mixed(NUCLEUS, share))
    _fibers(stage, run.part("fibers", time), layout)
    begin, end = line_ends(run.part("obstacles", time))
    shown = view.in_slab(0.5 * (begin + end)[:, 2])
    solid_there = bool(shown.any())
    if solid_there:
        _add(stage, _bars(begin[shown], end[shown]), OBSTACLE)
    wall_there = _wall(stage, run.part("vessels", time), layout)
    if layout.view.paths:
        _paths(stage, run, time, layout)
    links = run.part("links", time)
    if links is not None and links.GetNumberOfCells():
        _links(stage, links, layout, float(nucleus.max(initial=0.0)))
    rows = legend(view, type_names(cells), np.unique(kinds), int(here.sum()), len(here), bool((~solid).any()))
    rows += [Row("obstacle", "fiber", OBSTACLE)] if solid_there else []
    return [*rows, Row("vessel wall", "fiber", WALL)] if wall_there else rows


def _wall(stage: Any, wall: Any, layout: Layout) -> bool:
    """The wall of vessels where the plane of the picture cuts it; whether it does."""
    if wall is None:
        return False
    plane, cutter, mapper = vtk.vtkPlane(), vtk.vtkCutter(), vtk.vtkPolyDataMapper()
    plane.SetOrigin(0.0, 0.0, layout.view.plane)
    plane.SetNormal(0.0, 0.0, 1.0)
    cutter.SetCutFunction(plane)
    cutter.SetInputData(wall)
    cutter.Update()
    mapper.SetInputConnection(cutter.GetOutputPort())
    mapper.ScalarVisibilityOff()
    _add(stage, mapper, WALL, width=3.0 * layout.unit)
    return bool(cutter.GetOutput().GetNumberOfCells())


@dataclass(frozen=True)
class Shapes:
    """Surfaces of cells that have a shape: vertices (n, 3) um, triangles (t, 3); of each, the row of its cell and
    whether it is of the cortex."""

    vertices: np.ndarray
    triangles: np.ndarray
    row: np.ndarray
    cortex: np.ndarray

    @classmethod
    def of(cls, shells: Any, ids: np.ndarray) -> Shapes | None:
        """None where cells are spheres."""
        if shells is None:
            return None
        order = np.argsort(ids)
        row = order[np.searchsorted(ids[order], _of(shells, "cell_id"))]
        return cls(points(shells), faces(shells), row, _of(shells, "cortex"))

    def mapper(self, chosen: np.ndarray, cortex: int, back: bool, depth: float) -> Any:
        """Of one layer of the chosen cells, `depth` um further away if `back`."""
        data, cells = vtk.vtkPolyData(), vtk.vtkCellArray()
        data.SetPoints(_points(self.vertices - (0, 0, depth) if back else self.vertices))
        mine = self.triangles[chosen[self.row] & (self.cortex == cortex)]
        rows = np.insert(mine.astype(np.int64), 0, 3, axis=1)
        cells.ImportLegacyFormat(numpy_to_vtkIdTypeArray(rows.ravel(), deep=True))
        data.SetPolys(cells)
        smooth = vtk.vtkPolyDataNormals()
        smooth.SetInputData(data)
        smooth.SplittingOff()
        mapper = vtk.vtkPolyDataMapper()
        mapper.SetInputConnection(smooth.GetOutputPort())
        return mapper


def _fibers(stage: Any, fibers: Any, layout: Layout) -> None:
    """Segments with their middle in the slab: grey, or on the scale of what they have done; and what cells thinned."""
    begin, end = line_ends(fibers)
    scale, shown = layout.view.fiber_color, layout.view.in_slab(0.5 * (begin + end)[:, 2])
    area = array(fibers, "area") if shown.any() else None
    if shown.any() and scale is None and area is None:
        _add(stage, _lines(begin[shown], end[shown]), FIBER, width=1.1 * layout.unit)
    elif shown.any():
        values = scale.values(fibers)[shown] if scale else np.zeros(int(shown.sum()))
        colors = scale.of(values) if scale else np.tile(FIBER, (len(values), 1))
        strong = scale.strong(values) if scale else np.zeros(len(values), bool)
        if area is not None:
            colors = thinned(colors, area[shown])
            strong |= area[shown] < 0.7
            _cut_ends(stage, fibers, layout)
        for chosen, width in ((~strong, 1.1), (strong, 2.0)):
            lines = _lines(begin[shown][chosen], end[shown][chosen], colors[chosen])
            _add(stage, lines, width=width * layout.unit)


def _paths(stage: Any, run: Run, time: float, layout: Layout) -> None:
    """Where cells have come from, in the slab: the middle of what they have left behind."""
    begin, end, when, kind = run.paths
    shown = (when <= time) & layout.view.in_slab(0.5 * (begin + end)[:, 2])
    if shown.any():
        colors = np.array([path_color(int(k)) for k in kind[shown]])
        _add(stage, _lines(begin[shown], end[shown], colors), width=3.0 * layout.unit)


def _cut_ends(stage: Any, fibers: Any, layout: Layout) -> None:
    """A dot where a fiber in the slab was cut, as antibodies to cleaved collagen show along a tunnel."""
    ends = array(fibers, "cut_end")
    places = points(fibers)[ends > 0] if ends is not None else np.zeros((0, 3))
    places = places[layout.view.in_slab(places[:, 2])]
    if len(places):
        _add(stage, _spheres(places, np.full(len(places), min(3.0 * layout.unit / layout.scale, 0.6))), THINNED)


def _links(stage: Any, links: Any, layout: Layout, margin: float) -> None:
    """Links with both ends in the slab (the cell's within `margin`): a dot on the fiber, a line to the cell."""
    begin, end = line_ends(links)
    shown = layout.view.in_slab(end[:, 2]) & layout.view.in_slab(begin[:, 2], margin)
    classes = layout.view.tension_class(_of(links, "tension"))
    for k, shade in enumerate(LINKS):
        chosen = shown & (classes == k)
        if chosen.any():
            _add(stage, _lines(begin[chosen], end[chosen]), shade, width=2.2 * layout.unit)
            dot = np.full(int(chosen.sum()), min(4.5 * layout.unit / layout.scale, 1.0))
            _add(stage, _spheres(end[chosen], dot), shade)


def _of(data: Any, name: str) -> np.ndarray:
    values = array(data, name)
    assert values is not None, name
    return values


def _spheres(centers: np.ndarray, radii: np.ndarray) -> Any:
    """Mapper of spheres of given centres (n, 3) and radii (n), um."""
    cloud = vtk.vtkPolyData()
    cloud.SetPoints(_points(centers))
    scale = numpy_to_vtk(np.ascontiguousarray(radii, np.float32), deep=True)
    scale.SetName("radius")
    cloud.GetPointData().SetScalars(scale)
    ball = vtk.vtkSphereSource()
    ball.SetRadius(1.0)
    resolution = 48 if len(centers) < 2000 else 20 if len(centers) < 20_000 else 8
    ball.SetThetaResolution(resolution)
    ball.SetPhiResolution(resolution)
    mapper = vtk.vtkGlyph3DMapper()
    mapper.SetInputData(cloud)
    mapper.SetSourceConnection(ball.GetOutputPort())
    mapper.SetScaleArray("radius")
    mapper.SetScaleModeToScaleByMagnitude()
    return mapper


def _lines(begin: np.ndarray, end: np.ndarray, colors: np.ndarray | None = None) -> Any:
    """Mapper of line segments from begin to end (m, 3), um, each of its own colour (m, 3) if these are given."""
    lines = vtk.vtkPolyData()
    lines.SetPoints(_points(np.stack([begin, end], 1).reshape(-1, 3)))
    cells = np.empty((len(begin), 3), np.int64)
    cells[:, 0] = 2
    cells[:, 1:] = np.arange(2 * len(begin)).reshape(-1, 2)
    connectivity = vtk.vtkCellArray()
    connectivity.ImportLegacyFormat(numpy_to_vtkIdTypeArray(cells.ravel(), deep=True))
    lines.SetLines(connectivity)
    if colors is not None:
        shades = numpy_to_vtk(np.rint(255 * colors).astype(np.uint8), deep=True)
        lines.GetCellData().SetScalars(shades)
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputData(lines)
    return mapper


def _bars(begin: np.ndarray, end: np.ndarray) -> Any:
    """Mapper of bars of BAR um about the wires from begin to end (m, 3), um: a surface that is drawn by them closes."""
    tubes = vtk.vtkTubeFilter()
    tubes.SetInputData(_lines(begin, end).GetInput())
    tubes.SetRadius(0.5 * BAR)
    tubes.SetNumberOfSides(6)
    tubes.CappingOn()
    tubes.Update()
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputData(tubes.GetOutput())
    return mapper


def _add(stage: Any, mapper: Any, rgb: RGB | None = None, *, width: float = 0.0, open_cut: bool = False) -> None:
    """An actor of one colour, or of the mapper's own; `open_cut` leaves out the half of a sphere toward the viewer."""
    mapper.SetScalarVisibility(rgb is None)
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetColor(*(rgb or INK))
    look.SetAmbient(0.3)
    look.SetDiffuse(0.7)
    if open_cut:
        look.FrontfaceCullingOn()
    if width:
        look.SetLineWidth(max(1.0, width))
        look.LightingOff()
    stage.AddActor(actor)


def _look_down(stage: Any, layout: Layout) -> None:
    """Parallel projection along -z onto the slab."""
    view, camera = layout.view, stage.GetActiveCamera()
    x, y = (0.5 * (low + high) for low, high in zip(view.low, view.high, strict=True))
    camera.SetFocalPoint(x, y, view.plane)
    camera.SetPosition(x, y, view.plane + 1000.0)
    camera.SetViewUp(0, 1, 0)
    camera.ParallelProjectionOn()
    camera.SetParallelScale(0.5 * layout.height / layout.scale)
    stage.ResetCameraClippingRange()


def _legend(column: Any, rows: list[Row], time: float, layout: Layout) -> None:
    """Time, rows and scale bar."""
    unit, left = layout.unit, 32 * layout.unit
    shown = f"{time:.1f} h" if time >= 0.05 or not time else f"{3600 * time:.2f} s"
    _text(column, shown, left, layout.height - 84 * unit, 52 * unit, bold=True)
    for k, row in enumerate(rows):
        y = layout.height - (138 + 48 * k) * unit
        if row.scale is not None:
            _scale(column, row.scale, left, y, unit)
        else:
            _sign(column, row, left, y + 12 * unit, unit)
        _text(column, row.label, left + (52 * unit if row.sign else 0), y, 27 * unit)
    length, pixels = layout.scale_bar()
    right, low, high = left + pixels, 44 * unit, 54 * unit
    _polygon(column, [(left, low), (right, low), (right, high), (left, high)], INK)
    _text(column, f"{length:g} \u00b5m", left, 72 * unit, 30 * unit)


def _scale(column: Any, scale: FiberColor, x: float, y: float, unit: float) -> None:
    """A bar of the colours between the ends of a scale, with numbers below; beyond an end its colour stays."""
    edges = np.rint(np.linspace(x, x + 320 * unit, 65))
    values = np.linspace(scale.low, scale.top, 64)
    for left, right, rgb in zip(edges[:-1], edges[1:], scale.of(values), strict=True):
        _polygon(column, [(left, y), (right, y), (right, y + 20 * unit), (left, y + 20 * unit)], tuple(rgb))
    for part, label in enumerate(scale.labels):
        _text(column, label, x + part * 160 * unit, y - 34 * unit, 24 * unit, side=part)


def _sign(column: Any, row: Row, x: float, y: float, unit: float) -> None:
    """The sign before a row, 36 wide and centred at height y."""
    def disc(center: float, radius: float, rgb: tuple[float, ...]) -> None:
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        _polygon(column, [(center + radius * unit * np.cos(a), y + radius * unit * np.sin(a)) for a in turn], rgb)

    middle, right = x + 18 * unit, x + 36 * unit
    if row.sign in ("cell", "pale"):
        share = PALE if row.sign == "pale" else 1.0
        for radius, rgb in ((18, row.color), (10, NUCLEUS)):
            disc(middle, radius, mixed(rgb, share))
    elif row.sign == "nucleus":
        disc(middle, 10, row.color)
    elif row.sign in ("fiber", "link"):
        half = (1.5 if row.sign == "fiber" else 2.0) * unit
        _polygon(column, [(x, y - half), (right, y - half), (right, y + half), (x, y + half)], row.color)
        if row.sign == "link":
            disc(right - 6 * unit, 6, row.color)


def _text(column: Any, label: str, x: float, y: float, height: float, bold: bool = False,
          side: int = 0) -> None:  # fmt: skip
    """A line of text that begins, has its middle or ends (`side` 0, 1, 2) at x."""
    actor = vtk.vtkTextActor()
    actor.SetInput(label)
    actor.SetDisplayPosition(round(x), round(y))
    look = actor.GetTextProperty()
    look.SetFontSize(max(6, round(height)))
    look.SetColor(*INK)
    look.SetBold(bold)
    look.SetJustification(side)
    column.AddViewProp(actor)


def _polygon(column: Any, corners: list[tuple[float, float]], rgb: tuple[float, ...]) -> None:
    """A filled polygon in pixels."""
    where = vtk.vtkPoints()
    for x, y in corners:
        where.InsertNextPoint(x, y, 0)
    face = vtk.vtkCellArray()
    face.InsertNextCell(len(corners), tuple(range(len(corners))))
    shape = vtk.vtkPolyData()
    shape.SetPoints(where)
    shape.SetPolys(face)
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(shape)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*rgb)
    column.AddViewProp(actor)


def _points(where: np.ndarray) -> Any:
    result = vtk.vtkPoints()
    result.SetData(numpy_to_vtk(np.ascontiguousarray(where, np.float32), deep=True))
    return result
