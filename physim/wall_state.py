"""From the surface of vessels to the arrays that kernels/wall.h reads: triangles, their normals, and what lists them.

Corners are fixed-point positions in the frame of the cells, so that differences to cells are exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from physim import memory, wall_lists
from physim.device import Device
from physim.errors import InputError
from physim.state import Array
from physim.world import Box

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
BAND = 12.0
"""um on either side of the wall within which distances are exact: more than the radius of a cell."""
LEAF = 3.0
"""um, side of the smallest cells that have lists."""
FINEST = 1e-5
"""um, coarsest quantum: a tenth of the error that distances may have."""
ARRAYS = (
    Array("wall_grid", "float8", "one", "um", "root of the octree of the wall: kernels/wall.h", rows="2", given=True),
    Array("wall_node", "int4", "wall_node", "", "cell of the octree: first child, first entry, entries, distance of "
          "its middle", given=True),
    Array("wall_entry", "uint2", "wall_entry", "", "triangle; its distance and direction from the middle of a leaf",
          given=True),
    Array("wall_triangle", "int4", "wall", "quanta", "corners with triangle, patch, port; normal, longer edge (um)",
          rows="4", given=True),
    Array("wall_pseudo", "float4", "wall", "", "unit normals of the edges opposite to the corners, and of the corners",
          rows="6", given=True),
)  # fmt: skip
"""As rows of `physim.state`; triangles are sorted along a curve through space."""


def wall_state(
    vertices: Points, faces: Ids, box: Box, device: Device, *, patch: Ids | None = None, port: Ids | None = None,
    band: float = BAND, outside: float | None = None, leaf: float = LEAF,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Arrays by the names of `ARRAYS`, for vertices (V, 3) um and faces (T, 3), counterclockwise from outside.

    `patch` and `port` (T,) are labels that a query gives back, -1 for none. Distances are exact within `band` um of the
    wall in the lumen and `outside` um (by default as many) beyond it, to about 1e-6 of them and a quantum of the box;
    `leaf` um is the side of the smallest cells that have lists. Lists are made on the device. Walls do not reach
    through periodic faces. Raises InputError where the surface is not closed, leaves the box, has a triangle that is
    thinner than the quanta, or needs more memory than there is.
    """
    bands = band, band if outside is None else outside
    for name, length in (("band", band), ("outside", bands[1]), ("leaf", leaf)):
        if not (np.isfinite(length) and length > 0):
            raise InputError(f"{name}: {length:g} um; give a length above 0")
    vertices, faces = np.asarray(vertices, float), np.asarray(faces, np.int64)
    _check(vertices, faces, box)
    memory.require(2 * needed(vertices, faces, bands, leaf), "walls", f"lists of {len(faces):,} triangles, on the host "
                   "and on the device,", "give a smaller band or a coarser surface")  # fmt: skip
    order = along_curve(vertices[faces].mean(axis=1))
    fixed = box.to_fixed(vertices)
    state = _triangles(trimesh.Trimesh(box.to_micron(fixed), faces[order], process=False), fixed, box)
    corners = state["wall_triangle"].reshape(-1, 4, 4)
    corners[:, 0, 3] = order
    for row, label in ((1, patch), (2, port)):
        corners[:, row, 3] = -1 if label is None else np.asarray(label)[order]
    return state | wall_lists.build(device, box, state["wall_triangle"], state["wall_pseudo"], bands, leaf)


def needed(vertices: Points, faces: Ids, bands: tuple[float, float], leaf: float) -> float:
    """Bytes of the arrays, about and rather more, from area and number of the triangles."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    within = min(mesh.area * (bands[0] + leaf), mesh.volume) + mesh.area * (bands[1] + leaf)
    entries = 3 * len(faces) / mesh.area * leaf * (leaf + max(bands))
    return within / leaf**3 * (8 * entries + 32) + 160 * len(faces)


def _check(vertices: Points, faces: Ids, box: Box) -> None:
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    if not len(faces) or not mesh.is_volume:
        raise InputError(f"walls: the surface of {len(faces):,} triangles is not closed, or not all of it is "
                         "counterclockwise from outside; repair it")  # fmt: skip
    if (vertices < box.lower).any() or (vertices > box.upper).any():
        x, y, z = vertices[np.argmax((vertices < box.lower).any(axis=1) | (vertices > box.upper).any(axis=1))]
        raise InputError(f"walls: the surface leaves the box near ({x:.1f}, {y:.1f}, {z:.1f}) um; enlarge the box")
    if (box.quantum > FINEST).any():
        raise InputError(f"walls: in a box of {(box.upper - box.lower).max():g} um positions have steps of "
                         f"{box.quantum.max():.2g} um, more than {FINEST:g}; take a smaller box")  # fmt: skip


def _triangles(mesh: Any, fixed: NDArray[np.int32], box: Box) -> dict[str, np.ndarray]:
    """Corners and normals. Raises InputError for a triangle that rounding to quanta may have turned over."""
    faces, normals = mesh.faces, np.array(mesh.face_normals, float)
    side = mesh.triangles - np.roll(mesh.triangles, 1, axis=1)
    longest = np.linalg.norm(side, axis=2).max(axis=1)
    thin = 2 * mesh.area_faces < 8 * box.quantum.max() * longest
    if thin.any():
        x, y, z = mesh.triangles_center[np.argmax(thin)]
        raise InputError(f"walls: {thin.sum()} triangles have no area, the first near ({x:.3f}, {y:.3f}, {z:.3f}) um; "
                         "clean the surface")  # fmt: skip
    corners = np.zeros((len(faces), 4, 4), np.int32)
    corners[:, :3] = fixed[faces]
    face = np.empty((len(faces), 4), np.float32)
    face[:, :3] = normals
    face[:, 3] = np.linalg.norm(mesh.triangles[:, 1:] - mesh.triangles[:, :1], axis=2).max(axis=1) * (1 + 1e-5) + 1e-5
    corners[:, 3] = face.view(np.int32)
    weighted = mesh.face_angles[:, :, None] * normals[:, None]
    at_corner = np.stack([np.bincount(faces.ravel(), weighted[..., axis].ravel(), len(fixed)) for axis in range(3)], 1)
    pseudo = np.zeros((len(faces), 6, 4))
    pseudo[:, :3, :3] = normals[:, None] + normals[_across(faces)]
    pseudo[:, 3:, :3] = at_corner[faces]
    size = np.linalg.norm(pseudo, axis=2, keepdims=True)
    pseudo = np.where(size > 1e-12, pseudo / np.maximum(size, 1e-12), 0)
    return {"wall_triangle": corners.reshape(-1, 4), "wall_pseudo": pseudo.astype(np.float32).reshape(-1, 4)}


def _across(faces: Ids) -> Ids:
    """(T, 3) the triangle behind the edge opposite to each corner, of a closed surface."""
    edges = np.sort(np.stack([faces[:, [1, 2]], faces[:, [2, 0]], faces[:, [0, 1]]], axis=1).reshape(-1, 2), axis=1)
    order = np.lexsort(edges.T)
    other = np.empty(len(edges), np.int64)
    other[order[0::2]], other[order[1::2]] = order[1::2] // 3, order[0::2] // 3
    return other.reshape(-1, 3)


def along_curve(points: Points) -> Ids:
    """(n,) order of points along Morton's curve, so that what is near in space is near in memory."""
    if not len(points):
        return np.zeros(0, np.int64)
    low = points.min(axis=0)
    cell = ((points - low) / max(float((points.max(axis=0) - low).max()), 1e-9) * 2**20).astype(np.int64)
    key = np.zeros(len(points), np.int64)
    for bit in range(20):
        for axis in range(3):
            key |= (cell[:, axis] >> bit & 1) << (3 * bit + axis)
    return np.lexsort((*points.T, key))
