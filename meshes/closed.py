"""From the triangles of a file to one closed surface whose normals point out; each repair is counted.

What can be mended without a guess is: vertices that are there more than once, triangles without an area, repeated
triangles, triangles or bodies that are turned inside out. What cannot is refused, and the place named: holes, edges
with more than two triangles, a surface that touches or crosses itself, that has one side alone, or no volume.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from physim.errors import InputError
from physim.meshes.clean import Report
from physim.meshes.crossings import crossings

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
SAME = 1e-6
"""Of the extent: vertices that are nearer to each other are one, triangles that are lower have no area."""
MOST_FLAT = 1000
"""Triangles without an area; a surface with more is not repaired."""


def closed(vertices: Points, faces: Ids, report: Report) -> tuple[Points, Ids]:
    """The closed surface, and what was done to it in the report.

    Vertices (V, 3) in um; triangles (T, 3), which must be within them. Raises InputError: what is wrong and where.
    """
    if not len(faces):
        raise InputError("surface: has no triangles")
    vertices, faces = _merged(vertices, faces, report)
    faces = _without_flat(vertices, faces, report)
    faces = _without_repeated(faces, report)
    if not len(faces):
        raise InputError("surface: encloses nothing: its triangles have no area, or lie on each other")
    vertices, faces = _used(vertices, faces)
    mate = mates(vertices, faces)
    _check_vertices(vertices, faces, mate)
    faces = _turned(vertices, faces, mate, report)
    crossed = crossings(vertices, faces)
    if len(crossed):
        raise InputError(f"surface: crosses itself in {len(crossed):,} pairs of triangles or more, "
                         f"{_near(vertices[faces[crossed[0]]])}; repair it there, or make it anew")  # fmt: skip
    return vertices, faces


def bodies(faces: Ids) -> Ids:
    """(T,) number of the body of each triangle, in the order of the triangles."""
    count = int(faces.max(initial=-1)) + 1
    of_vertex = _components(faces[:, [0, 1]].T.ravel(), faces[:, [1, 2]].T.ravel(), count)
    body: Ids = np.unique(of_vertex[faces[:, 0]], return_inverse=True)[1].reshape(-1)
    return body


def _components(begin: Ids, end: Ids, count: int) -> Ids:
    """(count,) number of the connected component of each of `count` things, given pairs of them."""
    links = coo_array((np.ones(len(begin)), (begin, end)), shape=(count, count))
    found: Ids = connected_components(links, directed=False)[1]
    return found


def volumes(vertices: Points, faces: Ids, body: Ids) -> Points:
    """(bodies,) um^3 within each, below 0 where normals point in: the sum of a.(b x c)/6."""
    middle = 0.5 * (vertices.min(0) + vertices.max(0))
    a, b, c = (vertices[faces[:, k]] - middle for k in range(3))
    return np.asarray(np.bincount(body, np.einsum("ni,ni->n", a, np.cross(b, c)) / 6), np.float64)


def _merged(vertices: Points, faces: Ids, report: Report) -> tuple[Points, Ids]:
    """One vertex wherever several are at the same place."""
    vertices, faces = _used(vertices, faces)
    before = len(vertices)
    vertices, number = np.unique(vertices + 0.0, axis=0, return_inverse=True)
    faces = number.reshape(-1)[faces]
    pairs = cKDTree(vertices).query_pairs(SAME * float(np.ptp(vertices, axis=0).max()), output_type="ndarray")
    if len(pairs):
        group = _components(pairs[:, 0], pairs[:, 1], len(vertices))
        first = np.unique(group, return_index=True)[1]
        vertices, faces = vertices[first], group[faces]
    report.add("vertices merged into those at the same place", before - len(vertices))
    return vertices, faces.astype(np.int64)


def _used(vertices: Points, faces: Ids) -> tuple[Points, Ids]:
    used, number = np.unique(faces, return_inverse=True)
    return vertices[used], number.reshape(-1, 3).astype(np.int64)


def _without_flat(vertices: Points, faces: Ids, report: Report) -> Ids:
    """Triangles of two different vertices dropped; those of three in a line given up to the neighbour beyond them.

    With b on the line from a to c, and d beyond it, the triangles abc and adc become abd and bcd.
    """
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    report.add("triangles without an area dropped", (~whole).sum())
    faces = faces[whole].copy()
    least = SAME * float(np.ptp(vertices, axis=0).max())
    flat = np.flatnonzero(_heights(vertices, faces) <= least).tolist()
    if len(flat) > MOST_FLAT:
        raise InputError(f"surface: {len(flat):,} of its {len(faces):,} triangles have no area, "
                         f"{_near(vertices[faces[flat[0]]])}; make it anew")  # fmt: skip
    left = 4 * len(flat)
    while flat and (left := left - 1) >= 0:
        k = flat.pop()
        edges = np.linalg.norm(vertices[faces[k]] - vertices[np.roll(faces[k], -1)], axis=1)
        c, a, b = np.roll(faces[k], -int(np.argmax(edges)))  # b lies between c and a
        beside = np.flatnonzero((faces == a).any(axis=1) & (faces == c).any(axis=1))
        beside = beside[beside != k]
        if c < 0 or len(beside) != 1:
            continue
        other = int(beside[0])
        d, one, two = np.roll(faces[other], -int(np.flatnonzero((faces[other] != a) & (faces[other] != c))[0]))
        if d == b:  # the two are each other's back
            faces[[k, other]] = -1
            report.add("triangles without an area dropped", 2)
            continue
        faces[k], faces[other] = (d, one, b), (d, b, two)
        report.add("triangles without an area given to their neighbour", 1)
        flat += [n for n in (k, other) if _heights(vertices, faces[[n]])[0] <= least]
    return faces[faces[:, 0] >= 0]


def _heights(vertices: Points, faces: Ids) -> Points:
    """(T,) um, the least height of each triangle."""
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    longest = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2).max(axis=1)
    return np.asarray(area / np.maximum(longest, 1e-300), np.float64)


def _without_repeated(faces: Ids, report: Report) -> Ids:
    """Each triangle once; none where two lie on each other back to back."""
    order = np.sort(faces, axis=1)
    turned = np.where(np.take_along_axis(faces, np.argmin(faces, axis=1)[:, None], 1) == order[:, :1], 1, 0)
    start = np.argmin(faces, axis=1)
    following = np.take_along_axis(faces, ((start + 1) % 3)[:, None], 1)[:, 0]
    sign = np.where(following == order[:, 1], 1, -1) * turned[:, 0]
    _, first, group = np.unique(order, axis=0, return_index=True, return_inverse=True)
    total = np.bincount(group.reshape(-1), sign)
    keep = np.zeros(len(faces), bool)
    keep[first[total != 0]] = True
    report.add("repeated triangles dropped", (~keep).sum())
    return faces[keep]


def mates(vertices: Points, faces: Ids) -> Ids:
    """(E, 4) for each edge its two triangles, and which edge of each it is. Raises InputError unless there are two."""
    edges = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    _, number, count = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    number = number.reshape(-1)
    kinds = ((count == 1, "are open", "close the holes, and cap the ends of vessels"),
             (count > 2, "have more than two triangles", "cut it there, or make it anew"))  # fmt: skip
    for wrong, what, remedy in kinds:
        if wrong.any():
            at = edges[np.flatnonzero(wrong[number])[0]]
            raise InputError(f"surface: is not watertight: {int(wrong.sum()):,} edges {what}, {_near(vertices[at])}; "
                             f"{remedy}")  # fmt: skip
    pairs = np.argsort(number, kind="stable").reshape(-1, 2)
    return np.stack([pairs[:, 0] // 3, pairs[:, 1] // 3, pairs[:, 0] % 3, pairs[:, 1] % 3], axis=1)


def fans(faces: Ids, mate: Ids) -> Ids:
    """(T, 3) number of the fan of each corner: triangles at a vertex that are joined by edges. `mate` is from mates."""
    one, two, k, m = mate.T
    same = faces[one, k] == faces[two, m]
    begin, end = 3 * one + k, 3 * one + (k + 1) % 3
    there = np.where(same, 3 * two + m, 3 * two + (m + 1) % 3), np.where(same, 3 * two + (m + 1) % 3, 3 * two + m)
    return _components(np.concatenate([begin, end]), np.concatenate(there), 3 * len(faces)).reshape(-1, 3)


def _check_vertices(vertices: Points, faces: Ids, mate: Ids) -> None:
    """Raise InputError where the triangles at a vertex are not one fan: there the surface touches itself."""
    fan = fans(faces, mate)
    owner = np.unique(np.stack([faces.ravel(), fan.ravel()], axis=1), axis=0)[:, 0]
    more = np.flatnonzero(np.bincount(owner, minlength=len(vertices)) > 1)
    if len(more):
        raise InputError(f"surface: touches itself in {len(more):,} vertices, {_near(vertices[more[:1]])}; "
                         "part it there, or make it anew")  # fmt: skip


def _turned(vertices: Points, faces: Ids, mate: Ids, report: Report) -> Ids:
    """Triangles all turned the same way, so that normals point out of each body.

    Each triangle is there in both senses, and linked to the sense of its neighbour that goes with it: a surface of two
    sides falls into two parts.
    """
    one, two, k, m = mate.T
    against = faces[one, k] == faces[two, m]  # neighbours that go together run along their edge in opposite directions
    count = len(faces)
    begin = np.concatenate([one, one + count])
    end = np.concatenate([np.where(against, two + count, two), np.where(against, two, two + count)])
    side = _components(begin, end, 2 * count)
    flat = np.flatnonzero(side[:count] == side[count:])
    if len(flat):
        raise InputError(f"surface: has one side alone, {_near(vertices[faces[flat[0]]])}; it encloses nothing")
    body = bodies(faces)
    first = np.unique(body, return_index=True)[1]
    flip = side[:count] != side[first][body]
    most = np.bincount(body, np.where(flip, 1.0, -1.0)) > 0  # the smaller part is the one that was turned
    flip ^= most[body]
    faces = np.where(flip[:, None], faces[:, ::-1], faces)
    report.add("triangles turned", flip.sum())
    volume = volumes(vertices, faces, body)
    size = np.bincount(body, _areas(vertices, faces)) ** 1.5
    empty = np.flatnonzero(np.abs(volume) <= 1e-6 * size)
    if len(empty):
        raise InputError(f"surface: encloses no volume, {_near(vertices[faces[first[empty[0]]]])}; "
                         "is it a sheet, or in another unit?")  # fmt: skip
    report.add("bodies turned inside out, of which the normals pointed in", (volume < 0).sum())
    return np.where((volume < 0)[body][:, None], faces[:, ::-1], faces)


def _areas(vertices: Points, faces: Ids) -> Points:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1), np.float64)


def _near(places: Points) -> str:
    x, y, z = places.reshape(-1, 3).mean(axis=0)
    return f"e.g. near ({x:.1f}, {y:.1f}, {z:.1f}) um"
