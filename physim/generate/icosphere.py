"""A sphere of triangles, from an icosahedron whose triangles are cut in four again and again: the mesh of a shell."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

VERTICES = (42, 162, 642)
"""Counts that there are."""


@cache
def icosphere(vertices: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Vertices (n, 3) at one distance from the centre, and triangles (2n - 4, 3), seen counterclockwise from outside.

    What they enclose is 4/3 pi, so that a shell of radius R has the volume of a ball however many vertices it has.
    """
    golden = 0.5 * (1 + np.sqrt(5))
    corner = np.array([(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)])
    points = np.concatenate([np.roll(corner, k, axis=1) for k in range(3)]) / np.hypot(1, golden)
    near = np.linalg.norm(points[:, None] - points, axis=2) < 1.1
    faces = np.array([(a, b, c) for a in range(12) for b in range(12) for c in range(12)
                      if a < b and a < c and near[a, b] and near[b, c] and near[c, a]
                      and np.linalg.det(points[[a, b, c]]) > 0])  # fmt: skip
    while len(points) < vertices:
        points, faces = _cut(points, faces)
    points = points * np.cbrt(4 * np.pi / 3 / enclosed(points, faces))
    return points, faces.astype(np.int32)


def enclosed(points: NDArray[np.float64], faces: NDArray[np.int32]) -> float:
    """Volume inside a closed surface of triangles."""
    return float(np.linalg.det(points[faces]).sum() / 6)


def rings(vertices: int) -> NDArray[np.uint32]:
    """(n, 6) the neighbours of each vertex, counterclockwise; where there are five, the last entry is itself."""
    faces = icosphere(vertices)[1]
    follows: list[dict[int, int]] = [{} for _ in range(vertices)]
    for corners in faces.tolist():
        for k in range(3):
            follows[corners[k]][corners[k - 2]] = corners[k - 1]
    found = np.repeat(np.arange(vertices, dtype=np.uint32)[:, None], 6, axis=1)
    for vertex, after in enumerate(follows):
        found[vertex, 0] = min(after)
        for k in range(1, len(after)):
            found[vertex, k] = after[int(found[vertex, k - 1])]
    return found


def _cut(points: NDArray[np.float64], faces: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Each triangle in four, the new vertices out on the sphere."""
    sides = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2)
    edges, which = np.unique(sides, axis=0, return_inverse=True)
    middle = points[edges].sum(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    ab, bc, ca = which.reshape(-1, 3).T + len(points)
    a, b, c = faces.T
    cut = np.concatenate([np.stack(part, axis=1) for part in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return np.concatenate([points, middle]), cut
