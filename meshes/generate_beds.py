"""Beds of small vessels as honeycombs: sinusoids of a liver lobule; capillaries between an arteriole and a venule.

A honeycomb has three vessels at each node, as capillary networks mostly do, and loops everywhere. Nodes are moved at
random and radii are drawn, by a seed.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines, chains, joined, straight

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
JITTER = 0.1
"""Of the length of a segment: standard deviation of where nodes are, along each axis."""


def sinusoids(*, lobule: float = 250.0, segment: float = 43.1, radius: float = 4.75, spread: float = 1.0,
              vein: float = 20.0, seed: int = 0) -> Centerlines:  # fmt: skip
    """A slice of a liver lobule: a hexagon of sinusoids around its central vein, which is along z; um.

    Blood enters at the six corners, where the portal tracts are, and leaves by both ends of the vein. Mouse: segments
    of 43.1 (18.9) um and a radius of 4.75 (2.25) um, mean (standard deviation), Hoehme and co-workers, PNAS 107:10371
    (2010), recalled. `spread` is the standard deviation of the radius, at 2 of which it is cut off. `lobule` is the
    distance from the vein to a corner (mouse: 0.2 to 0.3 mm) and `vein` its radius, both recalled without a source.
    Raises InputError for lengths that leave no room for tissue between sinusoids.
    """
    _check(lobule=lobule, segment=segment, radius=radius, vein=vein)
    widest = radius + 2 * spread
    if not (0 <= spread < 0.5 * radius and 2 * widest <= 0.55 * segment and vein + widest <= 0.75 * segment
            and 2 * segment <= lobule <= 200 * segment):  # fmt: skip
        raise InputError(f"sinusoids: lobule {lobule:g}, segment {segment:g}, radius {radius:g}, spread {spread:g} and "
                         f"vein {vein:g} um leave no tissue; give longer segments or thinner vessels")  # fmt: skip
    random = np.random.Generator(np.random.Philox(seed))
    places, edges = _hexagons(int((lobule / segment - 1) / np.sqrt(3) + 0.5), segment)
    inner = np.flatnonzero(np.linalg.norm(places, axis=1) < 1.01 * segment)
    rim = np.flatnonzero(np.bincount(edges.ravel()) == 2)
    toward = np.pi / 6 + np.pi / 3 * np.arange(6)  # a hexagon of hexagons has its corners here
    outward = np.stack([np.cos(toward), np.sin(toward), 0 * toward], axis=1)
    corners = rim[np.argmax(places[rim] @ outward.T, axis=0)]
    moved = np.clip(random.normal(0, JITTER, places.shape), -2 * JITTER, 2 * JITTER) * segment
    moved[inner] *= 0.25
    count = len(places)
    ends = (2.0 * vein + segment) * np.array([[0, 0, -1.0], [0, 0, 1.0]])
    places = np.concatenate([places + moved, places[corners] + segment * outward, np.zeros((1, 3)), ends])
    hub = count + len(corners)
    edges = np.concatenate([edges, [[c, count + k] for k, c in enumerate(corners)], [[node, hub] for node in inner],
                            [[hub, hub + 1], [hub, hub + 2]]])  # fmt: skip
    drawn = np.clip(random.normal(radius, spread, len(edges)), radius - 2 * spread, widest)
    drawn[-2:] = vein
    return _network(places, edges, drawn)


def capillaries(*, columns: int = 4, rows: int = 4, segment: float = 65.0, thin: float = 2.5, thick: float = 4.0,
                arteriole: float = 8.0, venule: float = 10.0, seed: int = 0) -> Centerlines:  # fmt: skip
    """A sheet of capillaries from an arteriole (at x = 0, inlet below) to a venule (outlet above); um.

    `columns` rows of hexagons lie between the two. Capillaries have radii between `thin` and `thick` and about 50 to
    100 um between forks: ranges for skeletal muscle and brain, e.g. Skalak & Schmid-Schonbein, J Biomech Eng 108:193
    (1986); Blinder and co-workers, Nat Neurosci 16:889 (2013); recalled. The smallest arterioles and venules have radii
    of 5 to 10 um, recalled. Raises InputError for what cannot be.
    """
    _check(segment=segment, thin=thin, thick=thick, arteriole=arteriole, venule=venule)
    if not (1 <= columns <= 400 and 2 <= rows <= 400):
        raise InputError(f"capillaries: {columns} columns and {rows} rows; give 1 to 400 columns and 2 to 400 rows")
    if thin > thick or 2 * max(thick, arteriole, venule) > 0.5 * segment:
        raise InputError(f"capillaries: thin {thin:g}, thick {thick:g}, arteriole {arteriole:g}, venule {venule:g}, "
                         f"segment {segment:g} um leave no tissue; give longer or thinner segments")  # fmt: skip
    random = np.random.Generator(np.random.Philox(seed))
    column, row = (axis.ravel() for axis in np.meshgrid(np.arange(columns + 1), np.arange(rows), indexing="ij"))
    left = np.stack([1.5 * segment * column, np.sqrt(3) * segment * (row + 0.5 * (column % 2)), 0.0 * row], axis=1)
    places = np.stack([left, left + np.array([segment, 0, 0])], axis=1).reshape(-1, 3)
    number = np.arange(2 * len(left)).reshape(columns + 1, rows, 2)
    edges = [[a, b] for a, b in number.reshape(-1, 2)]
    for i in range(columns):
        for j in range(rows):
            across = (j, j - 1) if i % 2 == 0 else (j, j + 1)
            edges += [[number[i, j, 1], number[i + 1, k, 0]] for k in across if 0 <= k < rows]
    moved = np.clip(random.normal(0, JITTER, places.shape), -2 * JITTER, 2 * JITTER) * segment
    feeding, draining = number[0, :, 0], number[-1, :, 1]
    moved[feeding] *= 0.2
    moved[draining] *= 0.2
    drawn = random.uniform(thin, thick, len(edges)).tolist()
    places = places + moved
    stubs = places[[feeding[0], draining[-1]]] + np.array([[0, -segment, 0], [0, segment, 0]])
    for line, wide in (([len(places), *feeding], arteriole), ([*draining, len(places) + 1], venule)):
        edges += [[a, b] for a, b in pairwise(line)]
        drawn += [wide] * (len(line) - 1)
    return _network(np.concatenate([places, stubs]), np.array(edges), np.array(drawn))


def _hexagons(rings: int, edge: float) -> tuple[Points, Ids]:
    """Places (n, 3) and edges (m, 2) of a honeycomb of some rings of hexagons about one at the origin."""
    corner = edge * np.exp(1j * np.pi / 3 * np.arange(6))
    middles = [np.sqrt(3) * edge * np.exp(1j * np.pi / 6) * (q + r * np.exp(1j * np.pi / 3))
               for q in range(-rings, rings + 1) for r in range(-rings, rings + 1) if abs(q + r) <= rings]  # fmt: skip
    all_corners = np.array([middle + corner for middle in middles])
    key = np.round(np.stack([all_corners.real, all_corners.imag], axis=-1) / (0.1 * edge)).astype(np.int64)
    _, first, number = np.unique(key.reshape(-1, 2), axis=0, return_index=True, return_inverse=True)
    flat, number = all_corners.ravel()[first], number.reshape(-1, 6)
    edges = np.sort(np.stack([number, np.roll(number, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    return np.stack([flat.real, flat.imag, 0 * flat.real], axis=1), np.unique(edges, axis=0)


def _network(places: Points, edges: Ids, radius: Points) -> Centerlines:
    """The network of straight edges with a radius (E,) each; at a node of vessels of much the same size, their mean."""
    of = {frozenset((int(a), int(b))): float(r) for (a, b), r in zip(edges, radius, strict=True)}
    meet: dict[int, list[float]] = {}
    for pair, own in of.items():
        for node in pair:
            meet.setdefault(node, []).append(own)
    lines, ends = [], []
    for chain in chains(edges):
        points, thick = list[Points](), list[Points]()
        for a, b in pairwise(chain):
            own = of[frozenset((a, b))]
            one, two = (float(np.mean([r for r in meet[node] if 0.5 < r / own < 2])) for node in (a, b))
            middle = 0.5 * (places[a] + places[b])
            spacing = min(3.0, own)
            for begin, end, wide in ((places[a], middle, (one, own)), (middle, places[b], (own, two))):
                line = straight(begin, end, wide, spacing)
                points.append(line[0] if not points else line[0][1:])
                thick.append(line[1] if not thick else line[1][1:])
        lines.append((np.concatenate(points), np.concatenate(thick)))
        ends.append((chain[0], chain[-1]))
    return joined(lines, ends)


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise InputError(f"{name}: {value:g}; give a length above 0 (um)")
