"""Every force of the step in float64, written from the equations of the term docstrings, not the kernels.

Positions (n, 3) um, forces (n, 3) nN; `term` is the declaration with its parameters. Plain sums over pairs, which trees
find: 10,000 cells take a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

Points = np.ndarray


@dataclass(frozen=True)
class Pairs:
    """All ordered pairs nearer than a range: cell i is pushed along `normal`, from j to i."""

    i: np.ndarray
    j: np.ndarray
    normal: Points
    distance: np.ndarray
    touch: np.ndarray
    """Sum of the two radii."""

    def sum(self, along: np.ndarray, n: int) -> Points:
        """(n, 3) sums over the pairs of each cell of vectors, or of numbers along the normals."""
        vectors = along[:, None] * self.normal if along.ndim == 1 else along
        return np.stack([np.bincount(self.i, vectors[:, axis], n) for axis in range(3)], axis=1)


def pairs_within(position: Points, radius: np.ndarray, reach: float, period: Any = None) -> Pairs:
    """Pairs with d < reach (R_i + R_j), over the faces of a periodic box of edge `period`."""
    radius = np.asarray(radius, float)
    tree = cKDTree(position, boxsize=period)
    near = tree.query_pairs(2 * reach * radius.max(), output_type="ndarray")
    i, j = np.concatenate([near, near[:, ::-1]]).T
    apart = position[i] - position[j]
    if period is not None:
        apart -= period * np.rint(apart / period)
    distance, touch = np.linalg.norm(apart, axis=1), radius[i] + radius[j]
    keep = distance < reach * touch
    return Pairs(i[keep], j[keep], (apart / distance[:, None])[keep], distance[keep], touch[keep])


def weight(pairs: Pairs, near: float, far: float) -> np.ndarray:
    """w(d): 1 up to near, 0 from far on (both over the sum of radii), a cubic with level ends between."""
    u = np.clip((pairs.distance / pairs.touch - near) / (far - near), 0, 1)
    return 1 - 3 * u**2 + 2 * u**3


def contact(term: Any, position: Points, radius: np.ndarray, period: Any = None) -> tuple[Points, Points]:
    """Forces, and stiffness blocks (n, 3, 3) nN/um along the lines of centres."""
    p = pairs_within(position, radius, 1.0, period)
    shallow = np.maximum(term.rest_distance * p.touch - p.distance, 0)
    deep = np.maximum(term.core_distance * p.touch - p.distance, 0)
    slope = term.stiffness * (shallow > 0) + 2 * term.core_stiffness * deep
    blocks = np.zeros((len(position), 3, 3))
    np.add.at(blocks, p.i, slope[:, None, None] * p.normal[:, :, None] * p.normal[:, None, :])
    return p.sum(term.stiffness * shallow + term.core_stiffness * deep**2, len(position)), blocks


def friction(term: Any, position: Points, radius: np.ndarray, velocity: Points, period: Any = None) -> Points:
    """-xi w (v_i - v_j) summed over the neighbours."""
    p = pairs_within(position, radius, term.far_distance, period)
    w = weight(p, term.near_distance, term.far_distance)
    return -term.coefficient * p.sum(w[:, None] * (velocity[p.i] - velocity[p.j]), len(position))


def crawl(term: Any, position: Points, radius: np.ndarray, polarity: Points,
          period: Any = None) -> tuple[Points, np.ndarray]:  # fmt: skip
    """Forces, and the grip (n,) of each cell."""
    p = pairs_within(position, radius, term.far_distance, period)
    w = weight(p, term.near_distance, term.far_distance)
    grip = np.maximum(np.bincount(p.i, w, len(position)), 1)
    pull = polarity / grip[:, None]
    return term.force * p.sum(w[:, None] * (pull[p.i] - pull[p.j]), len(position)), grip


def physicell(term: Any, position: Points, radius: np.ndarray, period: Any = None) -> Points:
    """Velocities (n, 3) um/min."""
    p = pairs_within(position, radius, term.range, period)
    near = np.maximum(1 - p.distance / p.touch, 0)
    far = np.maximum(1 - p.distance / (term.range * p.touch), 0)
    return p.sum(term.repulsion * near**2 - term.adhesion * far**2, len(position))


def _junction_parts(term: Any, position: Points, radius: np.ndarray, cadherin: np.ndarray, bound: Any,
                    period: Any) -> tuple[Pairs, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    p = pairs_within(position, radius, term.far_distance, period)
    n, b = len(position), np.asarray(bound(p.i, p.j), float)
    width = (term.far_distance - term.near_distance) * p.touch
    # the cubic is steepest in the middle, 1.5 / width: epsilon makes the peak force F_1 + F_2
    epsilon = (term.initial_force + term.mature_force) * width / 1.5 * np.sqrt(cadherin[p.i] * cadherin[p.j])
    bw = b * weight(p, term.near_distance, term.far_distance)
    return p, b, epsilon, np.bincount(p.i, bw, n), np.bincount(p.i, epsilon * bw, n)


def _saturated(term: Any, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """h = g/q and its slope, for g' = 1/(1 + exp((q - q_s)/dq)), g(0) = 0."""
    width, x = term.saturation_width, (q - term.saturation) / term.saturation_width
    g = q - width * (np.logaddexp(0, x) - np.logaddexp(0, -term.saturation / width))
    safe = np.where(q > 1e-6, q, 1)
    h = np.where(q > 1e-6, g / safe, 1.0)
    return h, np.where(q > 1e-6, (1 / (1 + np.exp(x)) - h) / safe, 0.0)


def junction_energy(term: Any, position: Points, radius: np.ndarray, cadherin: np.ndarray, bound: Any,
                    period: Any = None) -> float:  # fmt: skip
    """E = -1/2 sum rho h(q), nN um; `bound(i, j)` is b of the pairs of these rows."""
    _, _, _, q, rho = _junction_parts(term, position, radius, cadherin, bound, period)
    return float(-0.5 * (rho * _saturated(term, q)[0]).sum())


def junction(term: Any, position: Points, radius: np.ndarray, cadherin: np.ndarray, bound: Any,
             period: Any = None) -> tuple[Points, Points]:  # fmt: skip
    """-dE/dx, by the chain rule over q and rho of both cells of a pair; and q, rho, h, dh/dq of each cell (n, 4)."""
    p, b, epsilon, q, rho = _junction_parts(term, position, radius, cadherin, bound, period)
    h, slope = _saturated(term, q)
    width = (term.far_distance - term.near_distance) * p.touch
    u = np.clip((p.distance - term.near_distance * p.touch) / width, 0, 1)
    fall = -6 * u * (1 - u) / width
    energy_of_w = -0.5 * b * (epsilon * (h[p.i] + h[p.j]) + rho[p.i] * slope[p.i] + rho[p.j] * slope[p.j])
    return p.sum(-energy_of_w * fall, len(position)), np.stack([q, rho, h, slope], axis=1)


def walls(term: Any, position: Points, radius: np.ndarray, size: Any) -> tuple[Points, Points]:
    """Forces on the cells, and on the faces -x, +x, -y, +y, -z, +z (6, 3)."""
    low = term.stiffness * np.maximum(radius[:, None] - position, 0)
    high = term.stiffness * np.maximum(radius[:, None] - (size - position), 0)
    faces = np.zeros((6, 3))
    for axis in range(3):
        faces[2 * axis, axis], faces[2 * axis + 1, axis] = -low[:, axis].sum(), high[:, axis].sum()
    return low - high, faces


def cytoplasm_load(term: Any, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p(d) = c d/(1 + d c/(2 gamma)) in nN/um, and its slope."""
    c = 0.707 * term.cytoplasm_modulus / 0.75
    yielding = 1 + depth * c / (2 * term.cortical_tension)
    return c * depth / yielding, c / yielding**2


def near_segments(position: Points, radius: np.ndarray, middle: Points, vector: Points,
                  period: Any = None) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Cells (m,) and segments (m,) of all pairs that may touch."""
    trees = cKDTree(position, boxsize=period), cKDTree(middle, boxsize=period)
    reach = radius.max() + np.linalg.norm(vector, axis=1).max() / 2
    near = trees[0].sparse_distance_matrix(trees[1], reach, output_type="ndarray")
    return near["i"], near["j"]


def inside(body: Any, start: Points, vector: Points) -> tuple[np.ndarray, np.ndarray]:
    """Where segments start + t vector, t in 0..1, enter and leave a sphere about the origin (m,), (m,)."""
    length = np.linalg.norm(vector, axis=1)
    nearest = -(start * vector).sum(1) / length**2
    square = body**2 - ((start + nearest[:, None] * vector) ** 2).sum(1)
    half = np.sqrt(np.maximum(square, 0)) / length
    first, last = np.clip(nearest - half, 0, 1), np.clip(nearest + half, 0, 1)
    return first, np.where(square > 0, last, first)


def steric(term: Any, centre: Points, radius: Any, begin: Points, vector: Points,
           points: int = 3) -> tuple[Points, Points, Points]:  # fmt: skip
    """m segments, each against a cell: its forces (m, 3) and stiffness (m, 3, 3), forces (m, 2, 3) on the nodes.

    Gauss quadrature with so many points over the part of each segment inside the cell. Centre and radius: one cell for
    all, or (m, 3) and (m,). begin: (m, 3) first nodes in the image nearest to the cell, vector: (m, 3) to the second.
    """
    at, weights = np.polynomial.legendre.leggauss(points)
    at, weights = 0.5 * (at + 1), 0.5 * weights
    start = begin - centre
    length = np.linalg.norm(vector, axis=1)
    nodes, stiffness = np.zeros((len(begin), 2, 3)), np.zeros((len(begin), 3, 3))
    first, last = inside(radius, start, vector)
    for g in range(points):
        t = first + at[g] * (last - first)
        r = start + t[:, None] * vector
        distance = np.maximum(np.linalg.norm(r, axis=1), 1e-12)
        p, slope = cytoplasm_load(term, np.maximum(radius - distance, 0))
        n, w = r / distance[:, None], weights[g] * (last - first) * length
        push = (w * p)[:, None] * n
        nodes[:, 0] += (1 - t)[:, None] * push
        nodes[:, 1] += t[:, None] * push
        stiffness += (w * slope)[:, None, None] * n[:, :, None] * n[:, None, :]
    return -nodes.sum(1), stiffness, nodes


def links(term: Any, centre: Points, point: Points, rest: np.ndarray) -> tuple[Points, np.ndarray]:
    """Forces (m, 3) of links on their cells, towards the held points, and their tensions."""
    apart = point - centre
    length = np.linalg.norm(apart, axis=1)
    tension = term.stiffness * np.maximum(length - rest, 0)
    return (tension / length)[:, None] * apart, tension
