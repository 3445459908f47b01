"""Triangles of a mesh that cross each other.

Two triangles cross where an edge of one passes through the inside of the other. Candidates have boxes that overlap;
they are found by a grid for each octave of size, so that a few large triangles do not make it coarse.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
DENSEST = 400
"""Triangles in the cells that one touches; on surfaces of vessels there are about 40."""
_AT_ONCE = 500_000


def crossings(vertices: Points, faces: Ids, most: int = 10_000) -> Ids:
    """(n, 2) pairs of triangles that cross, the lower number first, in order; about the first `most` that are found.

    Exact up to rounding (fp64) for edges that pass through the inside of a triangle. Not found: triangles that only
    touch, that lie in one plane, or that share an edge (they can but fold onto each other). Raises InputError where
    there are more than DENSEST triangles in the cells of each, as with many bodies within each other.
    """
    if not len(faces):
        return np.zeros((0, 2), np.int64)
    corners = vertices[faces]
    found = [np.zeros((0, 2), np.int64)]
    for pairs in _candidates(corners.min(axis=1), corners.max(axis=1)):
        found.append(_crossing(corners, faces, pairs))
        if sum(map(len, found)) >= most:
            break
    return np.unique(np.concatenate(found), axis=0)


def _candidates(low: Points, high: Points) -> Iterator[Ids]:
    """Some at a time, pairs whose boxes overlap, those of one octave of size with all that are no larger.

    Of the cells that two boxes share, the one with the least corner of their overlap has the pair.
    """
    extent = np.maximum((high - low).max(axis=1), 1e-12 * max(float(np.abs(high).max()), 1.0))
    octave = np.ceil(np.log2(extent / extent.min())).astype(np.int64)
    for level in np.unique(octave):
        size = float(extent.min()) * 2.0**level
        members, others = np.flatnonzero(octave == level), np.flatnonzero(octave <= level)
        own_cell, own = _cells(low, high, members, size)
        cell, other = _cells(low, high, others, size)
        order = np.argsort(own_cell, kind="stable")
        own_cell, own = own_cell[order], own[order]
        begin, end = (np.searchsorted(own_cell, cell, side) for side in ("left", "right"))
        if (end - begin).sum() > 10 * _AT_ONCE + DENSEST * len(low):
            x, y, z = low[other[np.argmax(end - begin)]]
            raise InputError(f"surface: too many triangles lie on each other, e.g. near ({x:.1f}, {y:.1f}, {z:.1f}) "
                             "um; has it many bodies within each other? Remove them")  # fmt: skip
        met = np.flatnonzero(end > begin)
        cell, other, begin, count = cell[met], other[met], begin[met], (end - begin)[met]
        for part in _parts(count):
            many = count[part]
            step = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
            one, two = np.repeat(other[part], many), own[np.repeat(begin[part], many) + step]
            least = np.maximum(low[one], low[two])
            near = (least <= np.minimum(high[one], high[two])).all(axis=1)
            near &= _key(np.floor(least / size).astype(np.int64)) == np.repeat(cell[part], many)
            near &= (one < two) | (octave[one] < level) & (one != two)  # those of this octave meet twice
            yield np.sort(np.stack([one[near], two[near]], axis=1), axis=1)


def _key(place: Ids) -> Ids:
    """One number for a cell (n, 3); cells that share it cost time alone."""
    key: Ids = (place * np.array([73_856_093, 19_349_663, 83_492_791])).sum(axis=1)
    return key


def _parts(count: Ids) -> list[slice]:
    """Slices of rows of at most _AT_ONCE counts, or of one row."""
    block = np.cumsum(count) // _AT_ONCE
    edges = np.concatenate([[0], np.flatnonzero(np.diff(block)) + 1, [len(count)]])
    return [slice(int(a), int(b)) for a, b in pairwise(edges) if b > a]


def _cells(low: Points, high: Points, which: Ids, size: float) -> tuple[Ids, Ids]:
    """Cells of a grid that the boxes of these triangles touch, at most 8 each as none is larger, and the triangles."""
    first, last = (np.floor(edge[which] / size).astype(np.int64) for edge in (low, high))
    cells, owner = [], []
    for corner in np.ndindex(2, 2, 2):
        place = np.where(corner, last, first)
        new = ~((np.array(corner, bool)) & (first == last)).any(axis=1)
        cells.append(_key(place[new]))
        owner.append(which[new])
    return np.concatenate(cells), np.concatenate(owner)


def _crossing(corners: Points, faces: Ids, pairs: Ids) -> Ids:
    """Those of the pairs that cross."""
    for k in (0, 1):  # all corners of one on one side of the plane of the other: they do not
        side = _sides(corners[pairs[:, 1 - k]], corners[pairs[:, k]])
        pairs = pairs[(side.max(axis=1) > 0) & (side.min(axis=1) < 0)]
    shared = (faces[pairs[:, 0]][:, :, None] == faces[pairs[:, 1]][:, None, :]).sum(axis=(1, 2))
    pairs = pairs[shared < 2]
    crosses = np.zeros(len(pairs), bool)
    for k in (0, 1):
        triangle = corners[pairs[:, k]]
        for edge in ((0, 1), (1, 2), (2, 0)):
            ends = corners[pairs[:, 1 - k]][:, edge]
            crosses |= _pierces(ends[:, 0], ends[:, 1], triangle)
    return pairs[crosses]


def _sides(points: Points, triangle: Points) -> Points:
    """(n, 3) on which side of the plane of a triangle the points (n, 3, 3) are; 0 within rounding."""
    a = triangle[:, 0]
    normal = np.cross(triangle[:, 1] - a, triangle[:, 2] - a)
    offset = points - a[:, None]
    side = np.einsum("nij,nj->ni", offset, normal)
    scale = np.linalg.norm(normal, axis=1)[:, None] * np.linalg.norm(offset, axis=2)
    return np.where(np.abs(side) <= 1e-12 * scale, 0.0, side)


def _pierces(p: Points, q: Points, triangle: Points) -> NDArray[np.bool_]:
    """(n,) whether the segment from p to q passes through the inside of the triangle."""
    side = _sides(np.stack([p, q, q], axis=1), triangle)
    along = q - p
    a, b, c = (triangle[:, k] - p for k in range(3))
    turns = np.stack([np.einsum("ni,ni->n", along, np.cross(u, v)) for u, v in ((a, b), (b, c), (c, a))], axis=1)
    scale = np.linalg.norm(along, axis=1) * np.maximum((a**2).sum(1), np.maximum((b**2).sum(1), (c**2).sum(1)))
    turns = np.where(np.abs(turns) <= 1e-12 * scale[:, None], 0.0, turns)
    return np.asarray((side[:, 0] * side[:, 1] < 0) & ((turns > 0).all(axis=1) | (turns < 0).all(axis=1)), np.bool_)
