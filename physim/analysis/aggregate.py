"""Measures of a cell aggregate from its positions: volume per cell, nearest neighbours, exchange of neighbours."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Positions = NDArray[np.float64]


def volume_per_cell(positions: Positions, share: float = 0.5) -> float:
    """V = (4/3) pi r^3 / N(r) in um^3, r the radius about the centroid (n, 3 um) that holds `share` of the cells.

    The inner half of a ball has no surface in it; r is taken midway between the last cell inside and the first outside.
    """
    r = np.sort(np.linalg.norm(positions - positions.mean(0), axis=1))
    inside = int(share * len(r))
    return float(4 / 3 * np.pi * (0.5 * (r[inside - 1] + r[inside])) ** 3 / inside)


def nearest_neighbor(positions: Positions) -> NDArray[np.float64]:
    """Distance of each cell to its nearest neighbour, um."""
    return cKDTree(positions).query(positions, k=2)[0][:, 1]


def neighbor_exchange(
    frames: Positions, hours_per_frame: float, reach: float, lasting: float = 1.0
) -> tuple[float, float]:
    """Neighbours gained per cell per hour: (all events, lasting ones), from positions (frames, n, 3) in um.

    Two cells are neighbours closer than `reach` um. An event is a pair that are neighbours in one frame and were not in
    the one before; it is lasting if they were apart in every frame of the `lasting` hours before and neighbours in
    every frame of the `lasting` hours after. Each event counts for both cells.
    """
    n = frames.shape[1]
    keys = [np.sort(pairs[:, 0] * n + pairs[:, 1]) for pairs in (_pairs(frame, reach) for frame in frames)]
    events = sum(len(np.setdiff1d(now, before)) for before, now in pairwise(keys))
    span = max(1, round(lasting / hours_per_frame))
    kept = 0
    for k in range(span, len(keys) - span + 1):
        new = keys[k]
        for before in keys[k - span : k]:
            new = np.setdiff1d(new, before, assume_unique=True)
        for after in keys[k + 1 : k + span]:
            new = np.intersect1d(new, after, assume_unique=True)
        kept += len(new)
    hours = (len(keys) - 1) * hours_per_frame
    judged = max(1, len(keys) - 2 * span + 1) * hours_per_frame
    return 2 * events / n / hours, 2 * kept / n / judged


def _pairs(positions: Positions, reach: float) -> NDArray[np.int64]:
    pairs = cKDTree(positions).query_pairs(reach, output_type="ndarray")
    return np.sort(pairs, axis=1)
