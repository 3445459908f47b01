"""Endothelium in patches of about the area of one cell: connected, and of much the same size.

Lloyd's method on the triangles: each belongs to the seed that is nearest along the surface, each seed moves to the
middle of its patch, and twice the largest patches are parted and the smallest given up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from physim.errors import InputError
from physim.meshes.surface import Surface

Ids = NDArray[np.int64]
CELL_AREA = 600.0
"""um^2 of an endothelial cell."""
_ROUNDS, _SPLITS = 12, (3, 6)


def patches(surface: Surface, area: float = CELL_AREA, *, seed: int = 0) -> Ids:
    """(T,) patch of each triangle, numbered from 0; -1 on ports. Raises InputError for an area that is not above 0."""
    if not area > 0:
        raise InputError(f"area: {area:g} um^2; give an area above 0")
    mesh, inside = surface.mesh, surface.port < 0
    found = np.full(len(surface.faces), -1, np.int64)
    number = np.cumsum(inside) - 1
    pairs = mesh.face_adjacency
    pairs = number[pairs[inside[pairs].all(axis=1)]]
    middle, size = mesh.triangles_center[inside], mesh.area_faces[inside]
    length = np.linalg.norm(middle[pairs[:, 0]] - middle[pairs[:, 1]], axis=1)
    count = len(middle)
    graph = csr_array(coo_array((np.maximum(length, 1e-9), (pairs[:, 0], pairs[:, 1])), shape=(count, count)))
    random = np.random.Generator(np.random.Philox(seed))
    body = connected_components(graph, directed=False)[1]
    bodies = (np.flatnonzero(body == k) for k in range(body.max(initial=-1) + 1))
    seeds = np.concatenate([_drawn(faces, size, area, random) for faces in bodies])
    for turn in range(_ROUNDS):
        owner = _nearest(graph, seeds)
        if turn in _SPLITS:
            seeds = _even_out(seeds, owner, size, body, area, random)
            owner = _nearest(graph, seeds)
        seeds = _middles(owner, middle, size, len(seeds))
    found[inside] = _nearest(graph, seeds)
    return found


def _drawn(faces: Ids, size: NDArray[np.float64], area: float, random: np.random.Generator) -> Ids:
    """As many triangles as patches fit on a body, at least one, drawn by their area."""
    total = size[faces].sum()
    wanted = min(max(round(total / area), 1), len(faces))
    drawn: Ids = random.choice(faces, wanted, replace=False, p=size[faces] / total)
    return drawn


def _nearest(graph: csr_array, seeds: Ids) -> Ids:
    """(T,) which of the seeds is nearest along the surface."""
    _, _, source = dijkstra(graph, directed=False, indices=seeds, min_only=True, return_predecessors=True)
    place = np.empty(graph.shape[0], np.int64)
    place[seeds] = np.arange(len(seeds))
    owner: Ids = place[source]
    return owner


def _middles(owner: Ids, middle: NDArray[np.float64], size: NDArray[np.float64], count: int) -> Ids:
    """The triangle of each patch that is nearest to its centroid."""
    weight = np.bincount(owner, size, count)
    centroid = np.stack([np.bincount(owner, size * middle[:, a], count) for a in range(3)], axis=1) / weight[:, None]
    off = np.linalg.norm(middle - centroid[owner], axis=1)
    order = np.lexsort((off, owner))
    first = np.concatenate([[True], np.diff(owner[order]) > 0])
    seeds: Ids = order[first]
    return seeds


def _even_out(seeds: Ids, owner: Ids, size: NDArray[np.float64], body: Ids, area: float, random: np.random.Generator,
              ) -> Ids:  # fmt: skip
    """Without the seeds of patches below half the area, and with another one in those above one and a half."""
    total = np.bincount(owner, size, len(seeds))
    alone = np.bincount(body[seeds])[body[seeds]] == 1
    kept = seeds[(total > 0.5 * area) | alone]
    more = [random.choice(np.flatnonzero(owner == k)) for k in np.flatnonzero(total > 1.5 * area)]
    return np.unique(np.concatenate([kept, np.array(more, np.int64)]))


def neighbours(surface: Surface, patch: Ids) -> Ids:
    """(P, 2) pairs of patches that share an edge, each once."""
    pairs = patch[surface.mesh.face_adjacency]
    pairs = np.sort(pairs[(pairs >= 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])], axis=1)
    unique: Ids = np.unique(pairs, axis=0)
    return unique


def sizes(surface: Surface, patch: Ids) -> NDArray[np.float64]:
    """(P,) um^2 of each patch."""
    inside = patch >= 0
    return np.asarray(np.bincount(patch[inside], surface.mesh.area_faces[inside]), np.float64)


def centers(surface: Surface, patch: Ids) -> NDArray[np.float64]:
    """(P, 3) um, the point of the surface nearest to the centroid of each patch, by triangle."""
    inside = np.flatnonzero(patch >= 0)
    mesh = surface.mesh
    seeds = _middles(patch[inside], mesh.triangles_center[inside], mesh.area_faces[inside], int(patch.max()) + 1)
    found: NDArray[np.float64] = mesh.triangles_center[inside[seeds]]
    return found
