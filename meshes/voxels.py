"""The lumen of a vessel network in voxels: signed distance at their middles, and ports at the free ends.

The lumen is the union of round cones of the surface, but plane where a vessel ends, and it goes on straight behind each
free end by half a radius: what is solved for in the lumen is then undisturbed where vessels end. Voxels are kept within
the lumen and about one voxel around it, block by block, so that memory follows the lumen and not its box.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines, Ids, Points
from physim.meshes.surface import round_cone

BAND = 1.8
"""Voxels around the lumen that are kept: all that touch one within it, corners as well (3^0.5)."""
FINEST, COARSEST = 0.75, 2.5
"""um; limits of the voxel that is taken by default."""
FINE, ENOUGH = 3.0, 400_000
"""By default the radius of the thinnest vessel has 3 voxels, or as many (but one) as make so many voxels in all."""
MOST_VOXELS = 20_000_000
OUTSIDE, LUMEN, BEHIND, END = 0, 1, 2, 3
"""Kinds of voxels: outside; in the lumen; in what goes on behind a free end; behind the end of that."""
_CUT = 1.5
"""Radii from a free end within which cones of its branch end at its plane."""
_BLOCK = 32


@dataclass(frozen=True, eq=False)
class Ports:
    """Free ends of a network, as planes across it."""

    node: Ids
    """(K,)"""
    point: Ids
    """(K,) point of the centerlines there."""
    place: Points
    """(K, 3) um."""
    outward: Points
    """(K, 3) unit vectors."""
    radius: Points
    """(K,) um."""
    length: Points
    """(K,) um by which the lumen goes on behind the plane."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """Those within the lumen and next to it, sorted by x, y, z."""

    origin: Points
    """(3,) um, lower corner of voxel (0, 0, 0)."""
    h: float
    """um."""
    index: NDArray[np.int32]
    """(V, 3) from 0."""
    distance: Points
    """(V,) um from the wall, below 0 inside; the planes of ports are no walls."""
    kind: NDArray[np.int8]
    """(V,)"""
    port: NDArray[np.int16]
    """(V,) the port behind whose plane a voxel is, or in front of which it is by less than 2 h; -1 elsewhere."""
    point: NDArray[np.int32]
    """(V,) point of the centerlines whose cone is the nearest."""
    ports: Ports

    @property
    def middles(self) -> Points:
        """(V, 3) um."""
        found: Points = self.origin + self.h * (self.index + 0.5)
        return found

    def rows(self, index: NDArray[np.integer]) -> Ids:
        """Rows of the voxels with these indices (n, 3), -1 where none is kept."""
        top = self.index.max(axis=0).astype(np.int64) + 1
        keys = np.ravel_multi_index(tuple(self.index.astype(np.int64).T), tuple(top))
        index = index.astype(np.int64)
        there = ((index >= 0) & (index < top)).all(axis=1)
        wanted = np.ravel_multi_index(tuple(np.where(there[:, None], index, 0).T), tuple(top))
        row = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(there & (keys[row] == wanted), row, -1)


def default_voxel(network: Centerlines) -> float:
    """um; a third of the radius of the thinnest vessel, or up to all of it where the lumen is large; within limits.

    A vessel thinner than 0.87 voxels may be cut.
    """
    begin = np.setdiff1d(np.arange(len(network.points) - 1), network.first[1:-1] - 1)
    length = np.linalg.norm(network.points[begin + 1] - network.points[begin], axis=1)
    volume = float((np.pi * network.radius[begin] * network.radius[begin + 1] * length).sum())
    least = float(network.radius.min())
    return float(np.clip(np.clip((volume / ENOUGH) ** (1 / 3), least / FINE, least), FINEST, COARSEST))


def find_ports(network: Centerlines, h: float) -> Ports:
    """The free ends, by node. Behind each the lumen goes on by half a radius and a voxel."""
    rows = []
    for b in range(network.branches):
        points, radius = network.branch(b)
        for k, inner, node in ((0, 1, network.ends[b, 0]), (-1, -2, network.ends[b, 1])):
            if network.degree[node] == 1:
                out = points[k] - points[inner]
                at = network.first[b] if k == 0 else network.first[b + 1] - 1
                rows.append((node, at, *points[k], *(out / np.linalg.norm(out)), radius[k]))
    table = np.array(sorted(rows), float).reshape(-1, 9)
    ids = table[:, :2].astype(np.int64)
    return Ports(ids[:, 0], ids[:, 1], table[:, 2:5], table[:, 5:8], table[:, 8], 0.5 * table[:, 8] + h)


@dataclass(frozen=True, eq=False)
class _Cones:
    """Pieces of branches, and one behind each port; those near a port know it, up to two of them."""

    a: Points
    b: Points
    ra: Points
    rb: Points
    point: Ids
    """(C, 2) points of the centerlines at both ends."""
    port: Ids
    """(C, 2) or -1."""
    behind: NDArray[np.bool_]

    @classmethod
    def of(cls, network: Centerlines, ports: Ports) -> _Cones:
        begin = np.setdiff1d(np.arange(len(network.points) - 1), network.first[1:-1] - 1)
        near = np.full((len(begin), 2), -1)
        branch = np.searchsorted(network.first, begin, side="right") - 1
        for e in range(len(ports.node)):
            mine = np.flatnonzero(branch == np.searchsorted(network.first, ports.point[e], side="right") - 1)
            gap = np.linalg.norm(network.points[[begin[mine], begin[mine] + 1]] - ports.place[e], axis=2).min(axis=0)
            close = mine[gap < _CUT * ports.radius[e]]
            near[close, np.where(near[close, 0] < 0, 0, 1)] = e
        number = np.arange(len(ports.node))
        tips = ports.place + ports.outward * ports.length[:, None]
        return cls(np.concatenate([network.points[begin], ports.place]),
                   np.concatenate([network.points[begin + 1], tips]),
                   np.concatenate([network.radius[begin], ports.radius]),
                   np.concatenate([network.radius[begin + 1], ports.radius]),
                   np.concatenate([np.stack([begin, begin + 1], 1), np.stack([ports.point] * 2, 1)]),
                   np.concatenate([near, np.stack([number, np.full(len(number), -1)], 1)]),
                   np.concatenate([np.zeros(len(begin), bool), np.ones(len(number), bool)]))  # fmt: skip


def voxels(network: Centerlines, h: float | None = None) -> Voxels:
    """The lumen of a cleaned network in voxels of h um.

    Raises InputError for an h that is no length, for a network without free ends, and where there would be more than
    20 million voxels.
    """
    h = default_voxel(network) if h is None else h
    if not (np.isfinite(h) and h > 0):
        raise InputError(f"voxel: {h:g} um; give a length above 0")
    ports = find_ports(network, h)
    if not len(ports.node):
        raise InputError("lumen: the network has no free end, so that no blood flows through it; open it")
    cones = _Cones.of(network, ports)
    length = np.linalg.norm(cones.b - cones.a, axis=1)
    volume = float((np.pi * (np.maximum(cones.ra, cones.rb) + BAND * h) ** 2 * length).sum())
    if volume / h**3 > MOST_VOXELS:
        raise InputError(f"lumen: {volume:,.0f} um^3 in voxels of {h:.3g} um are {volume / h**3:,.0f}, "
                         f"more than {MOST_VOXELS:,}; give a larger voxel, or cut out a part")  # fmt: skip
    reach = np.maximum(cones.ra, cones.rb)[:, None] + (BAND + 1) * h
    low, high = np.minimum(cones.a, cones.b) - reach, np.maximum(cones.a, cones.b) + reach
    origin = np.floor(low.min(axis=0) / h) * h
    first, last = (np.floor((corner - origin) / (_BLOCK * h)).astype(int) for corner in (low, high))
    blocks: dict[tuple[int, ...], list[int]] = {}
    for k in range(len(length)):
        for block in product(*(range(a, b + 1) for a, b in zip(first[k], last[k], strict=True))):
            blocks.setdefault(block, []).append(k)
    parts = [_block(cones, ports, np.array(block) * _BLOCK, np.array(blocks[block]), origin, h, low, high)
             for block in sorted(blocks)]  # fmt: skip
    index, distance, kind, port, point = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort(index.T[::-1])
    return Voxels(origin, h, index[order], distance[order], kind[order], port[order], point[order], ports)


def _block(cones: _Cones, ports: Ports, corner: Ids, pieces: Ids, origin: Points, h: float, low: Points, high: Points,
           ) -> tuple[NDArray, ...]:  # fmt: skip
    """Index, distance, kind, port and point of the voxels of a block that are kept."""
    shape = (_BLOCK,) * 3
    uncut, cut = np.full(shape, np.inf), np.full(shape, np.inf)
    owner = np.full(shape, -1, np.int32)
    for k in pieces:
        start = np.clip(np.floor((low[k] - origin) / h).astype(int) - corner, 0, _BLOCK)
        stop = np.clip(np.ceil((high[k] - origin) / h).astype(int) + 1 - corner, 0, _BLOCK)
        if (stop <= start).any():
            continue
        part = tuple(slice(s, t) for s, t in zip(start, stop, strict=True))
        axes = (corner[a] + np.arange(start[a], stop[a]) + 0.5 for a in range(3))
        grid = origin + h * np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        found = round_cone(grid.reshape(-1, 3), cones.a[k], cones.b[k], cones.ra[k], cones.rb[k])
        found = found.reshape(grid.shape[:3])
        nearer = found < uncut[part]
        uncut[part] = np.where(nearer, found, uncut[part])
        owner[part] = np.where(nearer, k, owner[part])
        if cones.behind[k]:
            continue
        for e in cones.port[k][cones.port[k] >= 0]:
            found = np.maximum(found, (grid - ports.place[e]) @ ports.outward[e])
        cut[part] = np.minimum(cut[part], found)
    kept = np.nonzero(uncut < BAND * h)
    index = (corner + np.stack(kept, axis=1)).astype(np.int32)
    distance, mine = uncut[kept], owner[kept]
    middle = origin + h * (index + 0.5)
    near = cones.port[mine]
    off = ((middle[:, None] - ports.place[near]) * ports.outward[near]).sum(axis=2)
    ahead = np.where(near >= 0, off, -np.inf)
    which = np.argmax(ahead, axis=1)[:, None]
    beyond, of = (np.take_along_axis(values, which, axis=1)[:, 0] for values in (ahead, near))
    inside = [distance >= 0, cut[kept] < 0, beyond <= ports.length[of]]
    kind = np.select(inside, [OUTSIDE, LUMEN, BEHIND], END).astype(np.int8)
    port = np.where(beyond > -2 * h, of, -1).astype(np.int16)
    a, b = cones.a[mine], cones.b[mine]
    nearer_b = ((middle - 0.5 * (a + b)) * (b - a)).sum(axis=1) > 0
    return index, distance, kind, port, cones.point[mine, nearer_b.astype(int)].astype(np.int32)
