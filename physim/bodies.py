"""Cells with two ends as surfaces: rings of vertices at the ends and sections of each, for frames and pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physim.ends import SECTIONS

Floats = NDArray[np.float64]
AROUND = 16
"""Vertices of a ring."""
_CAP = np.deg2rad([22.5, 45.0, 67.5])
"""Of the rings of an end, from its tip."""


def body_surfaces(rear: Floats, front: Floats, axis: Floats, radius: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Vertices (n, v, 3) um and triangles (t, 3) of one body, outward counterclockwise.

    Of n cells between rear and front (n, 3), with unit vectors (n, 3) from rear to front and radii (n, 10) at the rear
    end, eight sections and the front end.
    """
    other = np.where(np.abs(axis[:, :1]) < 0.6, np.array([[1.0, 0, 0]]), np.array([[0, 1.0, 0]]))
    one = np.cross(axis, other)
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(axis, one)
    at = np.concatenate([[0.0], SECTIONS, [1.0]])
    along: list[Floats] = []
    wide: list[Floats] = []
    length = np.maximum(((front - rear) * axis).sum(axis=1), 0.0)  # where ends of a round cell have crossed
    for angle in _CAP:
        along.append(-radius[:, 0] * np.cos(angle))
        wide.append(radius[:, 0] * np.sin(angle))
    for k, s in enumerate(at):
        along.append(s * length)
        wide.append(radius[:, k])
    for angle in _CAP[::-1]:
        along.append(length + radius[:, -1] * np.cos(angle))
        wide.append(radius[:, -1] * np.sin(angle))
    turn = 2 * np.pi * np.arange(AROUND) / AROUND
    around = np.cos(turn)[:, None, None] * one + np.sin(turn)[:, None, None] * two  # (around, n, 3)
    middle = rear[None] + np.array(along)[..., None] * axis[None]  # (rings, n, 3)
    rings = middle[:, None] + np.array(wide)[:, None, :, None] * around[None]
    tips = [rear - radius[:, :1] * axis, rear + (length + radius[:, -1])[:, None] * axis]
    vertices = np.concatenate([rings.reshape(-1, len(rear), 3), np.array(tips)]).transpose(1, 0, 2)
    return vertices, _triangles(len(along))


def _triangles(rings: int) -> NDArray[np.int64]:
    k = np.arange(AROUND)
    after, first, last = (k + 1) % AROUND, rings * AROUND, rings * AROUND + 1
    parts = [np.stack([np.full(AROUND, first), after, k], axis=1)]
    for ring in range(rings - 1):
        low, high = ring * AROUND, (ring + 1) * AROUND
        parts += [np.stack([low + k, low + after, high + after], axis=1),
                  np.stack([low + k, high + after, high + k], axis=1)]  # fmt: skip
    top = (rings - 1) * AROUND
    parts.append(np.stack([np.full(AROUND, last), top + k, top + after], axis=1))
    return np.concatenate(parts)
