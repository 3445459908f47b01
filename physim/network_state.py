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


def lengths(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = vectors.T
    return np.sqrt(x * x + y * y + z * z)


def fiber_starts(network: FiberNetwork) -> NDArray[np.uint32]:
    """(F + 1,) first node of each fiber."""
    count = np.bincount(network.segment_fiber, minlength=network.fibers) + 1
    return np.concatenate([[0], np.cumsum(count)]).astype(np.uint32)


def fiber_spans(network: FiberNetwork) -> NDArray[np.int32]:
    """(F, 4) first and last node of each fiber, node less segment, 0."""
    start, fibers = fiber_starts(network).astype(np.int32), np.arange(network.fibers, dtype=np.int32)
    return np.stack([start[:-1], start[1:] - 1, fibers, 0 * fibers], axis=1)


def held_nodes(network: FiberNetwork) -> NDArray[np.bool_]:
    """(N,) which nodes are held: those on faces that are not periodic, and the next one of fibers with one crosslink.

    Beyond a face the gel goes on. A fiber with a single crosslink that were only hinged at the face could turn freely.
    """
    face: NDArray[np.bool_] = np.asarray(network.box.on_face(network.nodes).any(axis=1))
    links = np.bincount(network.segment_fiber[network.crosslinks].ravel(), minlength=network.fibers)
    first, second = network.segments[links[network.segment_fiber] < 2].T
    held = face.copy()
    held[first] |= face[second]
    held[second] |= face[first]
    return held


def crosslink_rests(network: FiberNetwork, fixed: NDArray, vector: NDArray, box: Box,
                    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Where crosslinks are (X, 2) on both segments, and (X, 4) what they are at rest.

    The gap of a crosslink, from the place on the other segment to that on the own, is a e1 + b e2 + c e1 x e2 of the
    two segments (a and b shift the places along them; what they leave, and c, is kept), so that it turns with them.
    Where they are nearly parallel, their cross product turns faster than they do: there c is 0, and what a e1 + b e2
    leaves of the gap is kept as a length.
    """
    own, other = network.crosslinks.T
    apart = separations(fixed, network.segments[other, 0], network.segments[own, 0], box)
    e1, e2 = vector[own], vector[other]
    at = network.crosslink_at.astype(np.float32)
    rest = np.zeros((len(own), 4))
    basis, inverse, parallel = gap_basis(e1, e2)
    for _ in range(2):  # the second time, what single precision has left of the first
        gap = apart + at[:, :1].astype(float) * e1 - at[:, 1:].astype(float) * e2
        share = (inverse @ gap[:, :, None])[:, :, 0]
        if not rest.any():
            at = (at - share[:, :2] * [1, -1]).astype(np.float32)
        rest[:, :3] = share
        rest[:, 3] = np.where(parallel, lengths(gap - (basis @ share[:, :, None])[:, :, 0]), 0.0)
    return at, rest


def gaps_at_rest(apart: NDArray, at: NDArray, e1: NDArray, e2: NDArray) -> NDArray[np.float64]:
    """(n, 4) what crosslinks are at rest, as `crosslink_rests`, between the places `at` (n, 2) that they are at now.

    apart (n, 3), um: from the first node of the other segment to that of the own, whose vectors are e2 and e1.
    """
    gap = apart + at[:, :1].astype(float) * e1 - at[:, 1:].astype(float) * e2
    _, inverse, parallel = gap_basis(e1, e2)
    share = (inverse @ gap[:, :, None])[:, :, 0]
    return np.where(parallel[:, None], np.pad(lengths(gap)[:, None], ((0, 0), (3, 0))), np.pad(share, ((0, 0), (0, 1))))


def gap_basis(e1: NDArray, e2: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """(n, 3, 3) columns e1, e2, e1 x e2, or e1, e2, 0 where the two are parallel within sin = 0.2 (n,); the inverse."""
    across = np.cross(e1, e2)
    parallel = lengths(across) < 0.2 * lengths(e1) * lengths(e2)
    basis = np.stack([e1, e2, np.where(parallel[:, None], 0.0, across)], axis=2)
    inverse = np.where(parallel[:, None, None], np.linalg.pinv(basis, rcond=0.3), np.linalg.pinv(basis, rcond=1e-3))
    return basis, inverse, parallel


def counted_lengths(length: NDArray[np.float64]) -> NDArray[np.uint32]:
    """(M,) of lengths in um: units of 2^-12 um, in which the balance of the matrix counts them."""
    return np.rint(length * 4096).astype(np.uint32)


def made_lengths(network: FiberNetwork, box: Box) -> NDArray[np.uint32]:
    """(M,) of segments as they were made, 2^-12 um."""
    begin, end = network.segments.T
    return counted_lengths(lengths(separations(box.to_fixed(network.nodes), begin, end, box)))


def fiber_state(network: FiberNetwork, box: Box) -> dict[str, np.ndarray]:
    """Arrays of the state by name; what moves as it is at time zero. Fibers in reserve have no area and no length."""
    fixed = box.to_fixed(network.nodes)
    begin, end = network.segments.T
    vector = separations(fixed, begin, end, box)
    rest = lengths(vector)
    at, rest_gap = crosslink_rests(network, fixed, vector, box)
    course = np.pad(vector / rest[:, None], ((0, 0), (0, 1)))
    own, other = (course[network.crosslinks[:, side]] for side in (0, 1))
    there = network.segment_fiber < network.fibers - network.reserve
    return {
        "node_position": fixed,
        "segment_nodes": np.ascontiguousarray(network.segments, np.int32),
        "segment_area": np.where(there, 1 << 24, 0).astype(np.uint32),
        "segment_length": np.where(there, counted_lengths(rest), 0).astype(np.uint32),
        "segment_fiber": network.segment_fiber.astype(np.uint32),
        "chain_start": fiber_starts(network),
        "fiber_span": fiber_spans(network),
        "node_held": held_nodes(network).astype(np.uint32),
        "node_direction": np.zeros((len(network.nodes), 4), np.float32),
        "segment_rest": rest,
        "segment_inverse": (1.0 / rest).astype(np.float32),
        "segment_course": course,
        "node_rest": fixed,
        "fiber_frame": np.tile(np.eye(3, 4), (network.fibers, 1)),
        "crosslink_segments": np.ascontiguousarray(network.crosslinks, np.uint32),
        "crosslink_bound": there[network.crosslinks[:, 0]].astype(np.uint32),
        "crosslink_at": at,
        "crosslink_rest": rest_gap,
        "crosslink_turn": np.stack([own, other, own, other], axis=1).reshape(-1, 4),
    }
