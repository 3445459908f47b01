"""The nucleus in float64, written from the equations of its term, not from the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from reference.forces import Points, inside
from scipy.integrate import quad


def icosahedron() -> Points:
    """(42, 3) unit vectors: its vertices and the middles of its edges."""
    golden = 0.5 * (1 + np.sqrt(5))
    corner = np.array([(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)])
    corners = np.concatenate([np.roll(corner, k, axis=1) for k in range(3)])
    one, two = np.nonzero(np.triu(np.abs(np.linalg.norm(corners[:, None] - corners, axis=2) - 2) < 1e-9))
    both = np.concatenate([corners, corners[one] + corners[two]])
    return both / np.linalg.norm(both, axis=1, keepdims=True)


AXES, CONE = icosahedron(), np.cos(np.radians(40))
ARC = quad(lambda a: ((np.cos(a) - CONE) / (1 - CONE)) ** 4, -np.radians(40), np.radians(40))[0]

YIELDS = 0.01


@dataclass
class Dents:
    """Pieces of fiber inside nuclei: which pair of cell and segment, where on the segment, place, length (um)."""

    pair: np.ndarray
    at: np.ndarray
    place: Points
    weight: np.ndarray

    @classmethod
    def of(cls, radius: np.ndarray, start: Points, vector: Points, panel: float = 0.7) -> Dents:
        """Two Gauss points on each panel of at most so many um."""
        first, last = inside(radius, start, vector)
        length = (last - first) * np.linalg.norm(vector, axis=1)
        panels = np.ceil(length / panel).astype(int)
        pair = np.repeat(np.arange(len(start)), 2 * panels)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(2 * panels) - 2 * panels, 2 * panels)
        gauss = np.where(place % 2, 0.5 + 0.5 / np.sqrt(3), 0.5 - 0.5 / np.sqrt(3))
        at = first[pair] + (last - first)[pair] * (place // 2 + gauss) / panels[pair]
        return cls(pair, at, start[pair] + at[:, None] * vector[pair], length[pair] / (2 * panels[pair]))


def sums_of(radius: np.ndarray, cell: np.ndarray, cells: int, dents: Dents) -> tuple[Points, Points, np.ndarray]:
    """S_k (cells, 42); x_k^2 and its slope by the cosine are of (dents, 42): ((c - cos 40)/(1 - cos 40))."""
    distance = np.linalg.norm(dents.place, axis=1)
    cosine = dents.place @ AXES.T / distance[:, None]
    square = np.maximum(cosine - CONE, 0) / (1 - CONE)
    g, effective = _compression(radius[cell[dents.pair]], distance)
    sums = np.zeros((cells, len(AXES)))
    np.add.at(sums, cell[dents.pair], (dents.weight * g**8 / (ARC * effective))[:, None] * square**4)
    return sums, square, cosine


def _compression(radius: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    effective, edge = np.hypot(distance, 0.1 * radius), np.hypot(radius, 0.1 * radius)
    return np.maximum(np.log(edge / effective), 0), effective


def compressed(sums: Points) -> np.ndarray:
    return ((sums + YIELDS) ** 0.25 - YIELDS**0.25).mean(1)


def energy(term: Any, radius: np.ndarray, sums: Points) -> np.ndarray:
    """(cells,) fJ: E V (h/2 + B h^2/2), h the mean of (S_k + s)^(1/4) - s^(1/4)."""
    h = compressed(sums)
    return term.modulus * 4 / 3 * np.pi * radius**3 * (h / 2 + term.bulk * h**2 / 2)


def push(term: Any, radius: np.ndarray, cell: np.ndarray, start: Points, vector: Points,
         part: Any = 1.0) -> tuple[np.ndarray, Points, Points, Points]:  # fmt: skip
    """m pairs of cell and segment: energies (cells,), stiffness (m, 3, 3), forces (m, 2, 3) on the nodes; dents.

    radius: (cells,) of the nuclei, start: (m, 3) from the centre to the first node, vector: (m, 3) to the second;
    part: one or (m,), how much of a fiber each is.
    """
    dents = Dents.of(radius[cell], start, vector)
    dents.weight = dents.weight * np.broadcast_to(part, len(start))[dents.pair]
    sums, square, cosine = sums_of(radius, cell, len(radius), dents)
    h = compressed(sums)
    volume = 4 / 3 * np.pi * radius**3
    scale = term.modulus * volume * (0.5 + term.bulk * h) / (4 * len(AXES))
    slope = scale[:, None] * (sums + YIELDS) ** -0.75
    own = slope[cell[dents.pair]]
    distance = np.linalg.norm(dents.place, axis=1)
    n = dents.place / distance[:, None]
    g, effective = _compression(radius[cell[dents.pair]], distance)
    weight, steep = dents.weight / (ARC * effective), distance / effective**2
    along = (own * square**4).sum(1)
    turn = own * 4 * square**3 / (1 - CONE)
    aside = turn @ AXES - (turn * cosine).sum(1)[:, None] * n
    force = (weight * along * (8 * g**7 + g**8) * steep)[:, None] * n - (weight * g**8 / distance)[:, None] * aside
    bend = steep**2 + g * (2 * steep**2 - 1 / effective**2)
    stiff = 8 * weight * along * g**6 * np.maximum(bend, 0)
    nodes, stiffness = np.zeros((len(start), 2, 3)), np.zeros((len(start), 3, 3))
    np.add.at(nodes[:, 0], dents.pair, (1 - dents.at)[:, None] * force)
    np.add.at(nodes[:, 1], dents.pair, dents.at[:, None] * force)
    np.add.at(stiffness, dents.pair, stiff[:, None, None] * n[:, :, None] * n[:, None, :])
    return energy(term, radius, sums), stiffness, nodes
