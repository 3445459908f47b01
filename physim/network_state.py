"""From a FiberNetwork to the arrays that the device keeps of it: chains, crosslinks seen from both sides, rest states.

Rest lengths are those of the rounded positions, computed as the kernels do, so that the network as made is exactly free
of stress.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physim.generate.fiber_network import FiberNetwork
from physim.world import Box


def separations(fixed: NDArray, first: NDArray, second: NDArray, box: Box) -> NDArray[np.float64]:
    """(n, 3) um from the nodes `first` to the nodes `second`, through periodic faces; `fixed` (N, 4) quanta."""
    difference = fixed[second, :3].astype(np.uint32) - fixed[first, :3].astype(np.uint32)
    return difference.view(np.int32).astype(np.float64) * box.quantum.astype(np.float32).astype(np.float64)


def _length(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = vectors.T
    return np.sqrt(x * x + y * y + z * z)


def fiber_starts(network: FiberNetwork) -> NDArray[np.uint32]:
    """(F + 1,) first node of each fiber."""
    count = np.bincount(network.segment_fiber, minlength=network.fibers) + 1
    return np.concatenate([[0], np.cumsum(count)]).astype(np.uint32)


def holds(network: FiberNetwork) -> tuple[NDArray, NDArray, NDArray]:
    """Both ends of all crosslinks by the segment that they are on: first hold (M + 1,), crosslink and side (2 X,)."""
    segment = network.crosslinks.T.ravel()
    order = np.argsort(segment, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(segment, minlength=len(network.segments)))])
    links = len(network.crosslinks)
    return start.astype(np.uint32), order % max(links, 1), order // max(links, 1)


def bends(network: FiberNetwork, tangent: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M, 4) a.a, b.b, a.b, n.(a x b) of the bends at both ends of each segment; 0 where there is no neighbour.

    a = g (p - (p.n) n), b = g (q - (q.n) n), g = sqrt(2/(1 + cos)), for the tangents p, n, q of a segment and its
    neighbours on the fiber: as kernels/bend.h has them.
    """
    same = np.concatenate([[False], network.segment_fiber[1:] == network.segment_fiber[:-1], [False]])
    before, after = same[:-1], same[1:]
    p = np.where(before[:, None], np.roll(tangent, 1, axis=0), tangent)
    q = np.where(after[:, None], np.roll(tangent, -1, axis=0), tangent)
    u, v = (p * tangent).sum(1), (q * tangent).sum(1)
    both = np.sqrt(4.0 / ((1.0 + u) * (1.0 + v)))
    shape = [2 * (1 - u), 2 * (1 - v), both * ((p * q).sum(1) - u * v), both * (tangent * np.cross(p, q)).sum(1)]
    present = np.stack([before, after, before & after, before & after], axis=1)
    return np.where(present, np.stack(shape, axis=1), 0.0)


def fiber_state(network: FiberNetwork, box: Box) -> dict[str, np.ndarray]:
    """Arrays of the state by name; what moves as it is at time zero."""
    fixed = box.to_fixed(network.nodes)
    vector = separations(fixed, *network.segments.T, box)
    rest = _length(vector)
    start, link, side = holds(network)
    own, other = network.crosslinks[link, side], network.crosslinks[link, 1 - side]
    at, across = network.crosslink_at[link, side], network.crosslink_at[link, 1 - side]
    at, across = at.astype(np.float32), across.astype(np.float32)
    gap = separations(fixed, network.segments[other, 0], network.segments[own, 0], box)
    gap = gap + at.astype(float)[:, None] * vector[own] - across.astype(float)[:, None] * vector[other]
    return {
        "node_position": fixed,
        "segment_nodes": np.ascontiguousarray(network.segments, np.int32),
        "fiber_start": fiber_starts(network),
        "node_held": network.box.on_face(network.nodes).any(axis=1).astype(np.uint32),
        "node_direction": np.zeros((len(network.nodes), 4), np.float32),
        "segment_rest": rest,
        "segment_inverse": (1.0 / rest).astype(np.float32),
        "bend_rest": bends(network, vector / rest[:, None]),
        "hold_start": start,
        "hold_nodes": np.ascontiguousarray(network.segments[other], np.int32),
        "hold_fiber": network.segment_fiber[other].astype(np.uint32),
        "hold_at": np.stack([at, across], axis=1),
        "hold_rest": _length(gap),
    }
