"""A closed surface from a file, and the centerlines within it: the same `Surface` as one that was made around them.

The surface tells where the wall is, the centerlines how vessels are joined and where blood enters and leaves. They
must tell the same: every point of a centerline lies in the lumen, a free end close to where the surface ends, there is
a body for each component and a handle for each loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines
from physim.meshes.clean import Lines, Report
from physim.meshes.closed import bodies, closed
from physim.meshes.parted import fused
from physim.meshes.surface import Surface
from physim.meshes.surface_files import read_triangles

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
Distance = Callable[[Points], Points]
AT_END = 2.0
"""Radii from a free end, along the vessel, within which the surface must end."""
FITS = (1 / 3, 3.0)
"""The wall may be at these multiples of the radius of the centerlines (median); beyond, a unit must be wrong."""
_TRIANGLES = 2.9
"""Triangles for each voxel^2, as in surfaces that are made from voxels."""


def read_surface(path: str | Path, *, unit: float = 1.0) -> tuple[Points, Ids, Report]:
    """Vertices (V, 3) um and triangles (T, 3) of a file, closed and turned outwards, and what was done to them.

    Raises InputError, as `meshes.surface_files.read_triangles` and `meshes.closed.closed` do.
    """
    report = Report()
    vertices, faces = closed(*read_triangles(path, unit=unit), report)
    return vertices, faces, report


def wall_radii(lines: Lines, distance: Distance) -> Lines:
    """Lines without radii (none above 0, or 1 everywhere) given the distance to the wall; others as they are.

    Toward a free end the wall that is nearest may be the one that closes it; there the radius is that of the first
    point that is farther from the end than from the wall.
    """
    known = lines.radius[np.isfinite(lines.radius)]
    if (known > 0).any() and not (len(known) > 2 and (known == 1.0).all()):
        return lines
    radius = np.maximum(-distance(lines.points), 0.0)
    for begin, end in zip(lines.first[:-1], lines.first[1:], strict=True):
        points, thick = lines.points[begin:end], radius[begin:end]
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        for way, off in ((slice(None), along), (slice(None, None, -1), along[-1] - along)):
            free = np.flatnonzero(off[way] > 1.1 * thick[way])
            if len(free):
                part = thick[way]
                part[: free[0]] = np.maximum(part[: free[0]], part[free[0]])
    return replace(lines, radius=radius)


def fitted(network: Centerlines, vertices: Points, faces: Ids, report: Report) -> Surface:
    """The surface with its ports, and in the report how far the wall is from the radii of the centerlines.

    `voxel` is that of a made surface with as many triangles. Raises InputError where centerlines leave the lumen, where
    a free end is far from where the surface ends, and where bodies or handles are not those of the network.
    """
    distance = signed_distance(vertices, faces)
    off = distance(network.points)
    allowed = np.where(_near_ends(network, 0.5), 0.5 * network.radius, 0.0)
    out = np.flatnonzero(off > allowed)
    if len(out):
        raise InputError(f"centerlines: {len(out):,} of {len(off):,} points are outside the surface, e.g. "
                         f"{_near(network.points[out[0]])}; are they of this surface, in the same unit?")  # fmt: skip
    inner = ~_near_ends(network, 2.0)
    inner |= not inner.any()
    share = float(np.median(-off[inner] / network.radius[inner]))
    if not FITS[0] <= share <= FITS[1]:
        raise InputError(f"centerlines: the wall is at {share:.2g} of their radii; is their unit that of the surface?")
    report.notes.append(f"the wall is at {share:.2f} of the radii of the centerlines (median)")
    port = np.full(len(faces), -1, np.int64)
    for b, node, end in _ends(network):
        if network.degree[node] == 1:
            _label(port, vertices, faces, *_end(network, b, end), node, distance)
    _compare(network, vertices, faces)
    area = 0.5 * np.linalg.norm(np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]],
                                         vertices[faces[:, 2]] - vertices[faces[:, 0]]), axis=1).sum()  # fmt: skip
    return Surface(vertices, faces, port, float(np.sqrt(_TRIANGLES * area / len(faces))))


def signed_distance(vertices: Points, faces: Ids) -> Distance:
    """A function from points (n, 3) to their distance (n,) to a closed surface, um, below 0 within; by VTK."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    points, cells, data, implicit = vtkPoints(), vtkCellArray(), vtkPolyData(), vtkImplicitPolyDataDistance()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, np.float64), deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(faces, np.int64).ravel(), deep=True))
    data.SetPoints(points)
    data.SetPolys(cells)
    implicit.SetInput(data)

    def distance(places: Points) -> Points:
        found = vtkDoubleArray()
        implicit.FunctionValue(numpy_to_vtk(np.ascontiguousarray(places, np.float64), deep=True), found)
        return np.array(vtk_to_numpy(found), np.float64)

    return distance


def _ends(network: Centerlines) -> list[tuple[int, int, int]]:
    """(branch, node, 0 for its first or -1 for its last point) of all ends."""
    return [(b, int(node), end) for b, pair in enumerate(network.ends) for node, end in zip(pair, (0, -1), strict=True)]


def _end(network: Centerlines, b: int, end: int) -> tuple[Points, Points, float]:
    """Place of an end of a branch, the direction in which it leaves, and the radius there."""
    points, radius = network.branch(b)
    outward = points[end] - points[1 if end == 0 else -2]
    return points[end], outward / np.linalg.norm(outward), float(radius[end])


def _near_ends(network: Centerlines, radii: float) -> NDArray[np.bool_]:
    """(P,) points within some radii of a free end."""
    near = np.zeros(len(network.points), bool)
    for b, node, end in _ends(network):
        if network.degree[node] == 1:
            place, _, radius = _end(network, b, end)
            near |= np.linalg.norm(network.points - place, axis=1) < radii * radius
    return near


def _label(port: Ids, vertices: Points, faces: Ids, place: Points, outward: Points, radius: float, node: int,
           distance: Distance) -> None:  # fmt: skip
    """Triangles that close a free end: beyond its plane, or across the vessel and close to it."""
    walk = place + np.linspace(0, AT_END, 9)[:, None] * radius * outward
    outside = distance(walk) >= 0
    if not outside.any():
        raise InputError(f"centerlines: the free end {_near(place)} is deep within the surface, which goes on for more "
                         f"than {AT_END:g} radii; lengthen the centerline to the end of the vessel")  # fmt: skip
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    offset = corners.mean(axis=1) - place
    beyond, across = offset @ outward, normal @ outward / np.maximum(np.linalg.norm(normal, axis=1), 1e-300)
    aside = np.linalg.norm(offset - beyond[:, None] * outward, axis=1)
    near = (aside < 1.5 * radius) & (np.abs(beyond) < (AT_END + 0.5) * radius)
    closing = near & ((beyond > 1e-6 * radius) | ((across > 0.7) & (beyond > -0.5 * radius)))
    if not closing.any():
        raise InputError(f"centerlines: no triangle closes the free end {_near(place)}; "
                         "bring it to the end of the vessel, or check its radius")  # fmt: skip
    where = np.flatnonzero(closing)
    piece = bodies(faces[where])
    leaves = walk[np.argmax(outside)]
    nearest = np.argmin(np.linalg.norm(corners[where].mean(axis=1) - leaves, axis=1))
    port[where[piece == piece[nearest]]] = node


def _compare(network: Centerlines, vertices: Points, faces: Ids) -> None:
    """Raise InputError unless each body holds one component of the network, and as many handles as that has loops."""
    body = bodies(faces)
    count = int(body.max()) + 1
    of_vertex = np.empty(len(vertices), np.int64)
    of_vertex[faces] = body[:, None]
    at = of_vertex[cKDTree(vertices).query(network.points)[1]]
    component = np.repeat(network.component, np.diff(network.first))
    holder = np.array([np.bincount(at[component == c]).argmax() for c in range(network.components)])
    for number in range(count):
        within = np.flatnonzero(holder == number)
        part = faces[body == number]
        place = _near(vertices[np.unique(part)].mean(axis=0))
        if len(within) != 1:
            what = "no centerline" if not len(within) else f"{len(within)} centerlines that do not hang together"
            raise InputError(f"surface: {count} bodies, but the centerlines have {network.components} components: the "
                             f"body {place} holds {what}; remove it, or complete the centerlines")  # fmt: skip
        c = int(within[0])
        chosen = network.component == c
        edges = np.unique(np.sort(np.stack([part, np.roll(part, -1, axis=1)], axis=2).reshape(-1, 2), axis=1), axis=0)
        handles = 1 - (len(np.unique(part)) - len(edges) + len(part)) // 2
        loops = int(chosen.sum()) - len(np.unique(network.ends[chosen])) + 1
        if handles != loops:
            where = fused(network, 0.0) if handles > loops else "a loop of the centerlines is closed within the lumen"
            raise InputError(f"surface: {handles} handles, but the centerlines have {loops} loops in the body {place}; "
                             f"{where}")  # fmt: skip


def _near(place: Points) -> str:
    x, y, z = place
    return f"near ({x:.1f}, {y:.1f}, {z:.1f}) um"
