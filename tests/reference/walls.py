"""Distance to a surface in float64: by every triangle, by solid angles, and by VTK."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Points = np.ndarray


@dataclass(frozen=True)
class Nearest:
    distance: np.ndarray
    """(n,) without a sign."""
    shares: np.ndarray
    """(n, 3) of the corners of the nearest triangle in the nearest point."""


def nearest(triangles: Points, points: Points, own: bool = False) -> Nearest:
    """Of triangles (T, 3, 3) to points (n, 3); or, if `own`, of each point to its own ones (n, k, 3, 3).

    In a triangle the foot in its plane is nearest, if that is within; else one of three feet on the lines of its edges,
    cut to these.
    """
    best = np.full(len(points), np.inf)
    shares = np.zeros((len(points), 3))
    for k in range(triangles.shape[1] if own else len(triangles)):
        corner = triangles[:, k] if own else np.broadcast_to(triangles[k], (len(points), 3, 3))
        within = _in_plane(corner, points)
        tried = [np.where((within >= 0).all(axis=1, keepdims=True), within, np.eye(3)[0])]
        for edge in range(3):
            a, b = corner[:, edge], corner[:, (edge + 1) % 3]
            t = np.clip(((points - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1), 0, 1)
            one = np.zeros((len(points), 3))
            one[:, edge], one[:, (edge + 1) % 3] = 1 - t, t
            tried.append(one)
        for one in tried:
            found = np.linalg.norm(np.einsum("nk,nkd->nd", one, corner) - points, axis=1)
            nearer = found < best
            best[nearer], shares[nearer] = found[nearer], one[nearer]
    return Nearest(best, shares)


def _in_plane(corner: Points, points: Points) -> np.ndarray:
    """(n, 3) shares of the corners in the foot of each point in the plane of its triangle."""
    a, b, c = corner[:, 0], corner[:, 1], corner[:, 2]
    normal = np.cross(b - a, c - a)
    size = (normal**2).sum(1)
    v = (np.cross(points - a, c - a) * normal).sum(1) / size
    w = (np.cross(b - a, points - a) * normal).sum(1) / size
    return np.stack([1 - v - w, v, w], axis=1)


def winding(triangles: Points, points: Points) -> np.ndarray:
    """(n,) solid angle of the surface over 4 pi: 1 inside and 0 outside (van Oosterom & Strackee 1983)."""
    total = np.zeros(len(points))
    for corner in triangles:
        a, b, c = (x - points for x in corner)
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        volume = (a * np.cross(b, c)).sum(1)
        total += np.arctan2(volume, la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb)
    return total / (2 * np.pi)


def vtk_distance(vertices: Points, faces: np.ndarray, points: Points) -> np.ndarray:
    """(n,) signed distance by vtkImplicitPolyDataDistance, below 0 inside."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    corners, cells, surface, implicit = vtkPoints(), vtkCellArray(), vtkPolyData(), vtkImplicitPolyDataDistance()
    corners.SetDataTypeToDouble()
    corners.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, float), deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(faces, np.int64).ravel(), deep=True))
    surface.SetPoints(corners)
    surface.SetPolys(cells)
    implicit.SetInput(surface)
    result = vtkDoubleArray()
    implicit.FunctionValue(numpy_to_vtk(np.ascontiguousarray(points, float), deep=True), result)
    return np.array(vtk_to_numpy(result))
