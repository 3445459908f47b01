"""Wall shear on endothelium, patch by patch: from the velocity in the lumen, or from the network alone.

In the lumen u = -(w/mu) grad p, so that the wall bears tau = |grad p| dw/dn. The flux of grad w through the wall of a
voxel is known from the solve for w, and sums to the volume of the lumen: the shear of all walls balances the pressure
to the last digit, whatever the voxel. In a tube tau = R |grad p|/2 = 4 mu Q/(pi R^3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from physim.flow import Flow
from physim.lumen import Lumen
from physim.meshes.patches import sizes
from physim.meshes.surface import Surface
from physim.meshes.voxels import LUMEN

Floats = NDArray[np.float64]
_NEAR = 16
"""Points of the centerlines among which the one is sought to whose wall a triangle is nearest."""


def wall_shear(lumen: Lumen, surface: Surface, patch: NDArray[np.int64]) -> Floats:
    """(P,) Pa, mean over each patch of `meshes.patches`: what its walls bear, over its area."""
    faces, h, patch = lumen.faces, lumen.voxels.h, np.asarray(patch)
    walls = np.bincount(faces.wall, lumen.profile[faces.wall] / faces.gap, len(lumen.profile))  # dw/dn times area, / h
    rows = np.flatnonzero((walls > 0) & (lumen.voxels.kind == LUMEN))
    force = walls[rows] * h * np.linalg.norm(pressure_gradient(lumen)[rows], axis=1)
    triangle = cKDTree(surface.mesh.triangles_center).query(lumen.voxels.middles[rows])[1]
    of = patch[triangle]
    area = sizes(surface, patch)
    return np.asarray(np.bincount(of[of >= 0], force[of >= 0], len(area)) / area, np.float64)


def pressure_gradient(lumen: Lumen) -> Floats:
    """(V, 3) Pa/um, mean over the open faces of each voxel along each axis; 0 where there is none."""
    faces, shape = lumen.faces, (len(lumen.pressure), 3)
    rise = (lumen.pressure[faces.two] - lumen.pressure[faces.one]) / lumen.voxels.h
    total, count = np.zeros(shape), np.zeros(shape)
    for rows in (faces.one, faces.two):
        np.add.at(total, (rows, faces.axis), rise)
        np.add.at(count, (rows, faces.axis), 1.0)
    return np.asarray(total / np.maximum(count, 1.0), np.float64)


def network_wall_shear(blood: Flow, surface: Surface, patch: NDArray[np.int64]) -> Floats:
    """(P,) Pa, tau = 4 mu Q/(pi R^3) of the vessel to whose wall each triangle is nearest, mean over each patch.

    Needs no velocity in the lumen; near junctions it is that of the vessels that meet there.
    """
    network, patch = blood.network, np.asarray(patch)
    inside = np.flatnonzero(patch >= 0)
    middle, size = surface.mesh.triangles_center[inside], surface.mesh.area_faces[inside]
    gap, point = cKDTree(network.points).query(middle, min(_NEAR, len(network.points)))
    best = np.argmin(np.abs(gap - network.radius[point]), axis=1)
    shear = np.abs(blood.shear)[point[np.arange(len(point)), best]]
    weight = np.bincount(patch[inside], size)
    return np.asarray(np.bincount(patch[inside], size * shear) / weight, np.float64)
