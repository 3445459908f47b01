"""One smooth watertight surface around a vessel network, checked against its graph.

Each piece of a centerline is a round cone (two spheres and what is between them); the surface is where the least of
their signed distances is 0. It is found in blocks of voxels along the vessels, contoured by VTK's flying edges and
smoothed by a windowed sinc filter. Hard minimum and no blurring: surfaces of a smooth minimum, or blurred before they
are contoured, have bubbles or cut thin vessels. There must be a body for each component of the graph and a handle for
each loop; else the place where vessels fused is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines
from physim.meshes.parted import fused, nearest

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
FINEST, COARSEST = 0.75, 2.5
"""um; limits of the voxel."""
FINE, COARSE = 1.25, 0.8
"""Voxels in the radius of the thinnest vessel: as a rule, and the fewest, below which it would be cut."""
BETWEEN = (1.0, 0.9, 1.1)
"""Others that are tried where no two vessels are too close: about one fork in some hundred gets a false handle."""
BAND = 3.0
"""Voxels on either side of the surface in which distances are exact."""
MOST_TRIANGLES = 20_000_000
_BLOCK = 32
_LATTICE = 4096.0
"""Vertices of neighbouring blocks are one where they agree to this part of a voxel."""
_SMOOTHING, _PASS_BAND = 20, 0.1


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles around a vessel network; normals point out of the lumen."""

    vertices: Points
    """(V, 3) um."""
    faces: Ids
    """(T, 3)"""
    port: Ids
    """(T,) node of the free end that the triangle closes, -1 for endothelium."""
    voxel: float
    """um."""

    @property
    def mesh(self) -> trimesh.Trimesh:
        return trimesh.Trimesh(self.vertices, self.faces, process=False)


def surface(network: Centerlines, voxel: float | None = None) -> Surface:
    """The surface of a cleaned network. `voxel` in um.

    By default the radius of the thinnest vessel has 1.25 voxels, or 0.8 where the finer surface does not have the
    bodies and handles of the network: vessels that overlap without meeting leave small holes between them. Where they
    do not overlap, voxels between the two are tried as well. Raises
    InputError where the surface would have more than 20 million triangles, is not watertight, or does not fit the
    network.
    """
    if voxel is not None:
        if not (np.isfinite(voxel) and voxel > 0):
            raise InputError(f"voxel: {voxel:g} um; give a length above 0")
        return _made(network, voxel)
    tried: set[float] = set()
    for count in (FINE, COARSE, *BETWEEN):
        h = float(np.clip(network.radius.min() / count, FINEST, COARSEST))
        if h in tried:
            continue
        tried.add(h)
        try:
            return _made(network, h)
        except InputError as problem:
            last = problem
            if count != FINE and nearest(network, h)[0] < h:
                break
    raise last


def _made(network: Centerlines, h: float) -> Surface:
    _check_size(network, h)
    vertices, faces = _contour(network, h)
    vertices = _smoothed(vertices, faces)
    found = Surface(vertices, faces, _ports(network, vertices, faces), h)
    _check(network, found)
    return found


def _check_size(network: Centerlines, h: float) -> None:
    """Refuse a surface that is too large to be made: about 2.9 triangles for each h^2."""
    begin, end = _pieces(network)
    length = np.linalg.norm(network.points[end] - network.points[begin], axis=1)
    area = float((np.pi * (network.radius[begin] + network.radius[end]) * length).sum())
    if 2.9 * area / h**2 > MOST_TRIANGLES:
        raise InputError(f"surface: {area:,.0f} um^2 in voxels of {h:.3g} um are {2.9 * area / h**2:,.0f} triangles, "
                         f"more than {MOST_TRIANGLES:,}; give a larger voxel, or cut out a part")  # fmt: skip


def _pieces(network: Centerlines) -> tuple[Ids, Ids]:
    """First and last point of each piece between two points of a branch."""
    begin = np.setdiff1d(np.arange(len(network.points) - 1), network.first[1:-1] - 1)
    return begin, begin + 1


def round_cone(points: Points, a: Points, b: Points, ra: float, rb: float) -> Points:
    """Signed distance (n,) of points to the hull of two spheres at a and b, below 0 inside.

    Exact, after Quilez, "round cone": in the plane through axis and point, with z along the axis and x from it, and
    sin = (ra - rb)/|b - a|; where one sphere holds the other, the distance is that to the larger one.
    """
    axis = b - a
    length, offset = float(np.linalg.norm(axis)), points - a
    return _beside_axis(offset @ (axis / max(length, 1e-300)), (offset**2).sum(1), length, ra, rb)


def _beside_axis(z: Points, square: Points, length: float, ra: float, rb: float) -> Points:
    """Signed distance to a round cone, given z along the axis and the square of the distance from a."""
    if length <= abs(ra - rb):
        return np.asarray(np.sqrt(np.maximum(square if ra >= rb else square - 2 * z * length + length**2, 0.0))
                          - max(ra, rb))  # fmt: skip
    x = np.sqrt(np.maximum(square - z**2, 0.0))
    sine = (ra - rb) / length
    cosine = np.sqrt(1 - sine**2)
    along = z * cosine - x * sine  # how far along the slant the foot lies
    on_a, on_b = along < 0, along > length * cosine
    distance = np.asarray(x * cosine + z * sine - ra)
    distance[on_a] = np.sqrt(square[on_a]) - ra
    distance[on_b] = np.sqrt(x[on_b] ** 2 + (z[on_b] - length) ** 2) - rb
    return distance


def _contour(network: Centerlines, h: float) -> tuple[Points, Ids]:
    """Vertices and faces where the least signed distance is 0, block by block."""
    begin, end = _pieces(network)
    under, over = (network.points + sign * network.radius[:, None] for sign in (-1, 1))
    low, high = np.minimum(under[begin], under[end]), np.maximum(over[begin], over[end])
    origin = low.min(0) - (BAND + 1) * h
    first = np.floor((low - BAND * h - origin) / (_BLOCK * h)).astype(int)
    last = np.floor((high + BAND * h - origin) / (_BLOCK * h)).astype(int)
    blocks: dict[tuple[int, ...], list[int]] = {}
    for k in range(len(begin)):
        for block in np.ndindex(*(last[k] - first[k] + 1)):
            blocks.setdefault(tuple(first[k] + block), []).append(k)
    keys: list[Ids] = []
    triangles: list[Ids] = []
    for block in sorted(blocks):
        corner = np.array(block) * _BLOCK
        distance = _distances(network, begin, end, low, high, blocks[block], origin + corner * h, h)
        places, faces = _flying_edges(distance)
        if len(faces):
            triangles.append(faces + sum(map(len, keys)))
            keys.append(np.rint((places + corner) * _LATTICE).astype(np.int64))
    if not keys:
        raise InputError("surface: no voxel meets it; give a smaller voxel")
    lattice, number = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    faces = number.reshape(-1)[np.concatenate(triangles)]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return origin + lattice / _LATTICE * h, faces[whole]


def _distances(network: Centerlines, begin: Ids, end: Ids, low: Points, high: Points, pieces: list[int], corner: Points,
               h: float) -> NDArray[np.float32]:  # fmt: skip
    """(n, n, n) voxels, least signed distance at the corners of a block, or the band where it is farther."""
    side = _BLOCK + 1
    distance = np.full((side,) * 3, BAND * h, np.float32)
    for k in pieces:
        start = np.clip(np.floor((low[k] - BAND * h - corner) / h).astype(int), 0, side)
        stop = np.clip(np.ceil((high[k] + BAND * h - corner) / h).astype(int) + 1, 0, side)
        if (stop <= start).any():
            continue
        one, two = network.points[begin[k]], network.points[end[k]]
        ra, rb = network.radius[begin[k]], network.radius[end[k]]
        length = float(np.linalg.norm(two - one))
        off = np.ix_(*(corner[axis] + h * np.arange(start[axis], stop[axis]) - one[axis] for axis in range(3)))
        z = sum(along * u for along, u in zip(off, (two - one) / max(length, 1e-300), strict=True))
        found = _beside_axis(np.asarray(z), np.asarray(sum(along**2 for along in off)), length, ra, rb)
        part = tuple(slice(s, t) for s, t in zip(start, stop, strict=True))
        distance[part] = np.minimum(distance[part], found)
    distance[np.abs(distance) < 1e-3 * h] = 1e-3 * h  # no vertex on a corner, where triangles would have no area
    return distance / np.float32(h)


def _flying_edges(values: NDArray[np.float32]) -> tuple[Points, Ids]:
    """Vertices (in voxels) and triangles, out of the lumen, where values on a grid change sign."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    if values.min() >= 0 or values.max() <= 0:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    image, edges = vtkImageData(), vtkFlyingEdges3D()
    image.SetDimensions(*values.shape)
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(order="F"), deep=True))
    edges.SetInputData(image)
    edges.SetValue(0, 0.0)
    edges.ComputeNormalsOff()
    edges.Update()
    found: Any = edges.GetOutput()
    if not found.GetNumberOfPolys():
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    points = np.asarray(vtk_to_numpy(found.GetPoints().GetData()), float)
    faces = np.asarray(vtk_to_numpy(found.GetPolys().GetConnectivityArray()), np.int64).reshape(-1, 3)
    return points, faces[:, ::-1]


def _smoothed(vertices: Points, faces: Ids) -> Points:
    """Vertices after VTK's windowed sinc filter."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter

    points, cells, data, smooth = vtkPoints(), vtkCellArray(), vtkPolyData(), vtkWindowedSincPolyDataFilter()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices), deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(faces.ravel()), deep=True))
    data.SetPoints(points)
    data.SetPolys(cells)
    smooth.SetInputData(data)
    smooth.SetNumberOfIterations(_SMOOTHING)
    smooth.SetPassBand(_PASS_BAND)
    smooth.NormalizeCoordinatesOn()
    smooth.BoundarySmoothingOff()
    smooth.FeatureEdgeSmoothingOff()
    smooth.Update()
    result: Any = smooth.GetOutput()
    return np.array(vtk_to_numpy(result.GetPoints().GetData()), float)


def _ports(network: Centerlines, vertices: Points, faces: Ids) -> Ids:
    """(T,) the node of a free end beyond whose plane a triangle lies, within the rounded end; else -1."""
    port = np.full(len(faces), -1, np.int64)
    middle = vertices[faces].mean(axis=1)
    tree = cKDTree(middle)
    for b in range(network.branches):
        points, radius = network.branch(b)
        for end, inner, node in ((0, 1, network.ends[b, 0]), (-1, -2, network.ends[b, 1])):
            if network.degree[node] != 1:
                continue
            outward = points[end] - points[inner]
            outward /= np.linalg.norm(outward)
            near = np.array(tree.query_ball_point(points[end], 1.5 * radius[end]), int)
            beyond = (middle[near] - points[end]) @ outward > 0 if len(near) else np.zeros(0, bool)
            port[near[beyond]] = node
    return port


def _check(network: Centerlines, made: Surface) -> None:
    """Raise InputError unless the surface is a volume with the bodies and handles of the graph."""
    mesh = made.mesh
    if not mesh.is_volume:
        raise InputError(f"surface: it is not watertight in voxels of {made.voxel:.3g} um; give another voxel")
    bodies = mesh.body_count
    handles = bodies - mesh.euler_number // 2
    if (bodies, handles) == (network.components, network.loops):
        return
    raise InputError(f"surface: {bodies} bodies and {handles} handles, but the network has {network.components} "
                     f"components and {network.loops} loops; {fused(network, made.voxel)}")  # fmt: skip
