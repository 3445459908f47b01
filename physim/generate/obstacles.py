"""Static obstacles (plates with holes, cylinders, closed surfaces) as wires: what cells and nuclei press against.

A surface is drawn by parallel wires, `spacing` apart, the rim of a hole by one of its own, and a cell feels each as it
feels a fiber: the same line load, the same nucleus. So a ring of fiber and a hole of equal area resist alike, and no
law knows a pore. A wire on a surface weighs spacing/FACE of a fiber, with which a plane resists a cell by some
2 pi gamma d, as a cortex of tension gamma does; both faces of a plate together weigh as much as one, so do both rims.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.generate.fiber_network import FiberNetwork, keep_segments

if TYPE_CHECKING:
    from physim.generate.fiber_network import Box as NetworkBox
    from physim.sections import Obstacle
    from physim.world import Box

Points = NDArray[np.float64]
FACE = 6.0
"""um: how far apart fibers would lie on a plane that resists a cell as a solid one does."""
PIECE = 1.0
"""um, longest wire."""
_LINES = tuple[Points, Points, float]
"""Begin and end (n, 3) um, weight: lines before they are cut into pieces."""


@dataclass(frozen=True)
class Wires:
    """Straight pieces that do not move; `obstacle` is the number of the section that each is of."""

    begin: Points
    end: Points
    """(n, 3) um."""
    weight: Points
    """(n,) of a fiber."""
    ligand: Points
    """(n,) relative to collagen."""
    obstacle: NDArray[np.int32]


def wires(obstacles: Sequence[Obstacle], box: Box) -> Wires:
    """All obstacles in a box. Raises InputError for a file that is no closed surface."""
    begin, end, weight, ligand = [np.zeros((0, 3))], [np.zeros((0, 3))], [np.zeros(0)], [np.zeros(0)]
    number = [np.zeros(0, np.int32)]
    for index, one in enumerate(obstacles):
        lines = {"plate": _plate, "cylinder": _cylinder, "surface": _surface}[one.kind]
        for a, b, w in (_pieces(*_inside(*line, box)) for line in lines(one, box)):
            begin.append(a)
            end.append(b)
            weight.append(np.full(len(a), w))
            ligand.append(np.full(len(a), one.ligand))
            number.append(np.full(len(a), index, np.int32))
    return Wires(np.concatenate(begin), np.concatenate(end), np.concatenate(weight), np.concatenate(ligand),
                 np.concatenate(number))  # fmt: skip


def clear(network: FiberNetwork, obstacles: Sequence[Obstacle]) -> FiberNetwork:
    """The network without the segments that lie in a plate, its holes too, or in a solid cylinder or surface."""
    keep = np.ones(len(network.segments), bool)
    ends = network.nodes[network.segments]
    for one in obstacles:
        if one.kind == "plate":
            along = ends[:, :, "xyz".index(one.axis)] - center_of(one, network.box)["xyz".index(one.axis)]
            half = 0.5 * one.thickness + 0.5 * one.spacing
            keep &= (along.min(1) > half) | (along.max(1) < -half)
        elif one.kind == "surface":
            keep &= ~_inside_of(closed_surface(one), network.midpoints)
    return network if keep.all() else keep_segments(network, keep, network.pruned)


def center_of(one: Obstacle, box: Box | NetworkBox) -> Points:
    return np.array(one.center, float) if one.center is not None else 0.5 * (box.lower + box.upper)


def _axes(axis: str) -> tuple[int, int, int]:
    """The axis and the two across it."""
    first = "xyz".index(axis)
    return first, (first + 1) % 3, (first + 2) % 3


def _plate(one: Obstacle, box: Box) -> Iterable[_LINES]:
    """Both faces as parallel lines, with holes left out; the walls of the holes as rings, their rims one each."""
    n, a, b = _axes(one.axis)
    center, half = center_of(one, box), 0.5 * one.thickness
    holes = holes_of(one, box)
    faces = [center[n] - half, center[n] + half] if half > 0.25 * one.spacing else [center[n]]
    light = one.spacing / FACE / len(faces)
    rows = np.arange(box.lower[a] + 0.5 * one.spacing, box.upper[a], one.spacing)
    for height in faces:
        begin, end = [], []
        for row in rows:
            for low, high in _gaps(one, holes, row, box.lower[b], box.upper[b]):
                begin.append((row, low))
                end.append((row, high))
        yield _placed(begin, n, a, b, height), _placed(end, n, a, b, height), light
    depth = np.linspace(faces[0], faces[-1], max(len(faces), 1 + round((faces[-1] - faces[0]) / one.spacing)))
    outline = _outline(one)
    for hole in holes:
        corner = hole + outline
        for height in depth:
            rim = height in (faces[0], faces[-1])
            at = _placed(corner, n, a, b, height)
            yield at, np.roll(at, -1, axis=0), 1.0 / len(faces) if rim else one.spacing / FACE


def holes_of(one: Obstacle, box: Box) -> Points:
    """(k, 2) um, centres of the holes, which lie wholly in the box."""
    _, a, b = _axes(one.axis)
    center, half = center_of(one, box)[[a, b]], half_of(one)
    if half is None:
        return np.zeros((0, 2))
    if one.pitch is None:
        return center[None]
    steps = [np.arange(-1000, 1001) * one.pitch + c for c in center]
    inside = [s[(s - h > box.lower[k]) & (s + h < box.upper[k])] for s, h, k in zip(steps, half, (a, b), strict=True)]
    return np.stack(np.meshgrid(*inside, indexing="ij"), -1).reshape(-1, 2)


def half_of(one: Obstacle) -> Points | None:
    """(2,) um, half of the extent of a hole."""
    if one.hole_area is not None:
        return np.full(2, np.sqrt(one.hole_area / np.pi))
    return None if one.hole_size is None else 0.5 * np.array(one.hole_size)


def _outline(one: Obstacle) -> Points:
    """(k, 2) um, corners of a hole about its centre; a round one is a polygon of the same area."""
    half = half_of(one)
    if half is None:
        return np.zeros((0, 2))
    if one.hole_area is None:
        return half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    sides = max(24, int(2 * np.pi * half[0] / 0.5))
    turn = 2 * np.pi * np.arange(sides) / sides
    radius = np.sqrt(one.hole_area / (0.5 * sides * np.sin(2 * np.pi / sides)))
    return radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _gaps(one: Obstacle, holes: Points, row: float, low: float, high: float) -> list[tuple[float, float]]:
    """What is left of a line along the second axis at `row` on the first, from low to high, between the holes."""
    half, cuts = half_of(one), [low]
    for hole in holes[np.argsort(holes[:, 1])] if len(holes) else ():
        off = abs(row - hole[0])
        assert half is not None
        if off >= half[0]:
            continue
        reach = half[1] if one.hole_area is None else np.sqrt(half[0] ** 2 - off**2)
        cuts += [hole[1] - reach, hole[1] + reach]
    cuts.append(high)
    return [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if b > a]


def _placed(flat: object, n: int, a: int, b: int, height: float) -> Points:
    """(k, 3) of points in the plane at `height` along axis n."""
    points = np.array(flat, float).reshape(-1, 2)
    at = np.full((len(points), 3), height)
    at[:, a], at[:, b] = points.T
    return at


def _cylinder(one: Obstacle, box: Box) -> Iterable[_LINES]:
    """Rings about the axis; cells may be inside or outside."""
    n, a, b = _axes(one.axis)
    center = center_of(one, box)
    assert one.radius is not None
    length = one.length if one.length is not None else 2 * float((box.upper - box.lower)[n])
    sides = max(24, int(2 * np.pi * one.radius / PIECE))
    turn = 2 * np.pi * np.arange(sides) / sides
    ring = center[[a, b]] + one.radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for height in center[n] + np.arange(-0.5 * length, 0.5 * length + 1e-9, one.spacing):
        at = _placed(ring, n, a, b, height)
        yield at, np.roll(at, -1, axis=0), one.spacing / FACE


def closed_surface(one: Obstacle) -> Any:
    """The mesh of a file. Raises InputError if it is none, or not closed."""
    import trimesh

    assert one.file is not None
    try:
        mesh = trimesh.load_mesh(Path(one.file))
    except Exception as error:  # trimesh raises what its many readers do
        name = Path(one.file).name
        raise InputError(f"{name}: cannot be read as a surface ({error}); give an STL, PLY or OBJ") from None
    if not mesh.is_volume:
        raise InputError(f"{Path(one.file).name}: the surface is not closed, or its sides are not consistent; mend it")
    return mesh


def _inside_of(mesh: Any, points: Points) -> NDArray[np.bool_]:
    """(n,) which points (n, 3) lie inside a closed mesh."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersModeling import vtkSelectEnclosedPoints

    def cloud(at: Points) -> Any:
        data, places = vtkPolyData(), vtkPoints()
        places.SetData(numpy_to_vtk(np.ascontiguousarray(at), deep=True))
        data.SetPoints(places)
        return data

    surface, faces = cloud(mesh.vertices), vtkCellArray()
    rows = np.insert(np.asarray(mesh.faces, np.int64), 0, 3, axis=1)
    faces.ImportLegacyFormat(numpy_to_vtkIdTypeArray(rows.ravel(), deep=True))
    surface.SetPolys(faces)
    select = vtkSelectEnclosedPoints()
    select.SetInputData(cloud(points))
    select.SetSurfaceData(surface)
    select.Update()
    return vtk_to_numpy(select.GetOutput().GetPointData().GetArray("SelectedPoints")) == 1


def _surface(one: Obstacle, box: Box) -> Iterable[_LINES]:
    """Outlines of slices across each of the three axes, so that no side is left out; each weighs a half."""
    from trimesh.intersections import mesh_plane

    mesh = closed_surface(one)
    for normal, low, high in zip(np.eye(3), *mesh.bounds, strict=True):
        for height in np.arange(low + 0.5 * one.spacing, high, one.spacing):
            lines = mesh_plane(mesh, normal, height * normal)
            yield lines[:, 0], lines[:, 1], 0.5 * one.spacing / FACE


def _inside(begin: Points, end: Points, weight: float, box: Box) -> _LINES:
    """Without what is outside the box."""
    keep = ((begin >= box.lower) & (begin <= box.upper) & (end >= box.lower) & (end <= box.upper)).all(axis=1)
    return begin[keep], end[keep], weight


def _pieces(begin: Points, end: Points, weight: float) -> _LINES:
    """Cut into pieces of at most PIECE."""
    length = np.linalg.norm(end - begin, axis=1)
    count = np.maximum(1, np.ceil(length / PIECE - 1e-9).astype(int))
    line = np.repeat(np.arange(len(begin)), count)
    k = (np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count))[:, None] / count[line][:, None]
    step = ((end - begin)[line]) / count[line][:, None]
    first = begin[line] + k * (end - begin)[line]
    return first, first + step, weight
