"""Every cue in float64, written from the equations of the term docstrings, not the kernels.

Each gives `turn` (n, 3) of one step of `dt` min: p' = p + (I - p p) turn, |p'| = 1 (`steered`). Positions (n, 3) um.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from reference.forces import Points, pairs_within, weight


def steered(polarity: Points, turn: Points) -> Points:
    """Polarities (n, 3) after the turns."""
    turned = polarity + turn - (turn * polarity).sum(1, keepdims=True) * polarity
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def unit(vector: Points) -> Points:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def mean_by(cell: np.ndarray, value: np.ndarray, weight: np.ndarray, n: int) -> np.ndarray:
    """Weighted mean of values (m, ...) over the entries of each cell; 0 where the weights are."""
    total, sums = np.bincount(cell, weight, n), np.zeros((n, *value.shape[1:]))
    np.add.at(sums, cell, weight.reshape(-1, *[1] * (value.ndim - 1)) * value)
    return sums / np.where(total > 0, total, 1).reshape(-1, *[1] * (value.ndim - 1))


def contact_guidance(term: Any, dt: float, polarity: Points, cell: np.ndarray, along: Points) -> Points:
    """Of links: the cell and the vector of the segment that it holds."""
    t = unit(along)
    nematic = (3 * t[:, :, None] * t[:, None, :] - np.eye(3)) / 2
    q = mean_by(cell, nematic, np.ones(len(cell)), len(polarity))
    return term.weight * dt * np.einsum("nij,nj->ni", q, polarity)


def haptotaxis(term: Any, dt: float, n: int, cell: np.ndarray, middle: Points, ligand: np.ndarray,
               shed: np.ndarray) -> Points:  # fmt: skip
    """Of segments within reach: the cell, the middle seen from it, length times area, and the integrins left."""
    means = [mean_by(cell, unit(middle), amount, n) for amount in (ligand, shed)]
    return dt * (term.ligand_weight * means[0] + term.shed_weight * means[1])


def attractant(term: Any, position: Points, size: float, periodic: bool) -> tuple[Points, np.ndarray]:
    """Gradients (n, 3) nM/um and concentrations (n,) nM."""
    apart = position - np.array([term.x, term.y, term.z])
    if periodic:
        apart -= size * np.rint(apart / size)
    r = np.linalg.norm(apart, axis=1)
    outside, source = r > term.radius, term.concentration * term.radius
    gradient = np.where(outside[:, None], -source * apart / r[:, None] ** 3, 0)
    return gradient, np.where(outside, source / r, term.concentration)


def chemotaxis(term: Any, dt: float, radius: np.ndarray, gradient: Points, c: np.ndarray) -> Points:
    """The slope of c/(c + K) over a radius."""
    slope = term.half_occupancy / (c + term.half_occupancy) ** 2
    return term.weight * dt * (radius * slope)[:, None] * gradient


def contact_inhibition(term: Any, dt: float, position: Points, radius: np.ndarray, period: Any = None) -> Points:
    p = pairs_within(position, radius, term.far_distance, period)
    return term.weight * dt * p.sum(weight(p, term.near_distance, term.far_distance), len(position))


def following(term: Any, dt: float, position: Points, radius: np.ndarray, cadherin: np.ndarray, velocity: Points,
              period: Any = None) -> Points:  # fmt: skip
    p, n = pairs_within(position, radius, term.far_distance, period), len(position)
    a = np.sqrt(cadherin[p.i] * cadherin[p.j]) * weight(p, term.near_distance, term.far_distance)
    total = np.maximum(np.bincount(p.i, a, n), 1)
    return term.weight * dt * p.sum(a[:, None] * velocity[p.j], n) / total[:, None]


def traction_feedback(term: Any, dt: float, n: int, cell: np.ndarray, apart: Points, tension: np.ndarray) -> Points:
    """Of links: the cell, the point that it holds seen from the cell, and its tension."""
    sums = np.zeros((n, 3))
    np.add.at(sums, cell, tension[:, None] * unit(apart))
    return term.weight * dt / term.force_scale * sums
