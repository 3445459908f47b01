"""The matrix around vessels: no fiber lies in a lumen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from physim.generate.fiber_network import FiberNetwork, carve

Points = NDArray[np.float64]
APART = 0.5
"""um at most between the points of a segment that are looked at."""
_POINT = 1e-3
"""um, radius of the sphere that takes a segment out."""


def clear_lumen(network: FiberNetwork, distance: Callable[[Points], Points]) -> FiberNetwork:
    """The network without the segments of which a part is in a vessel, or nearer to its wall than half a fiber.

    `distance` gives the signed distance (n,) um from the wall of points (n, 3) um, below 0 in the lumen; it is asked at
    points of each segment at most `APART` um from each other. What `carve` says of crosslinks and of pieces holds here.
    """
    if not len(network.segments):
        return network
    parts = max(1, int(np.ceil(network.lengths.max() / APART)))
    along = np.linspace(0.0, 1.0, parts + 1)
    begin, vector = network.nodes[network.segments[:, 0]], network.vectors
    points = (begin[:, None] + along[:, None] * vector[:, None]).reshape(-1, 3)
    apart = distance(points).reshape(len(begin), -1)
    deepest = apart.argmin(axis=1)
    inside = apart.min(axis=1) < 0.5 * network.bundle_diameter
    at = begin[inside] + along[deepest[inside], None] * vector[inside]
    return carve(network, at, _POINT) if inside.any() else network
